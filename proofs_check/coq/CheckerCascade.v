(* The cascade that a file's tables describe, as a cascade of Cascade.v, and that the checker runs exactly this one. *)

From Coq Require Import List NArith FMapPositive Lia.
From Subnormal Require Import Checker.
From mathcomp Require Import all_ssreflect all_fingroup all_algebra.
From Subnormal Require Import Exponents Stack Necessity Cascade CheckerArrays.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.

(* ---- A layer's states: one residue a channel ---- *)

Fixpoint residues (ns : list N) : finZmodType :=
  if ns is n :: ns' then [finZmodType of ('I_(N.to_nat n).-1.+1 * residues ns')%type] else [finZmodType of 'I_1].

Fixpoint numbers_of (ns : list N) : residues ns -> list N :=
  match ns with
  | [::] => fun _ => [::]
  | n :: ns' => fun h => N.of_nat (nat_of_ord h.1) :: numbers_of h.2
  end.

Fixpoint residues_of (ns : list N) (c : list N) : residues ns :=
  match ns with
  | [::] => ord0
  | n :: ns' => (inZp (N.to_nat (List.hd 0%num c)), residues_of ns' (List.tl c))
  end.

Definition moduli_ok (ns : list N) : Prop := forall n, List.In n ns -> (2 <= n)%num.

Lemma N_mod a b : b <> 0%num -> N.to_nat (N.modulo a b) = (N.to_nat a %% N.to_nat b)%N.
Proof.
move=> b0; rewrite {2}(N.div_mod a b b0) Nnat.N2Nat.inj_add Nnat.N2Nat.inj_mul plusE multE mulnC modnMDl modn_small //.
by have := N.mod_lt a b b0 => ?; apply/ltP; lia.
Qed.

Lemma numbers_add ns (h : residues ns) c : moduli_ok ns ->
  numbers_of (h + residues_of ns c)%R = add_residues ns (numbers_of h) c.
Proof.
elim: ns h c => [|n ns IH] // [x h] c ok; have n2 : (2 <= n)%num by apply: ok; left.
congr (_ :: _); last by apply: IH => n' nin; apply: ok; right.
apply: Nnat.N2Nat.inj; rewrite Nnat.Nat2N.id N_mod; last by lia.
have n1 : (N.to_nat n).-1.+1 = N.to_nat n by lia.
by rewrite Nnat.N2Nat.inj_add Nnat.Nat2N.id plusE /=; move: (nat_of_ord x) => y; rewrite n1 modnDmr.
Qed.

Lemma numbers_zero ns : numbers_of (0%R : residues ns) = List.map (fun _ => 0%num) ns.
Proof. by elim: ns => //= n ns <-. Qed.

Lemma numbers_all ns (h : residues ns) : moduli_ok ns -> List.In (numbers_of h) (all_residues ns).
Proof.
elim: ns h => [|n ns IH] h ok; first by left.
have n2 : (2 <= n)%num by apply: ok; left.
apply/List.in_flat_map; exists (N.of_nat h.1); split; last first.
  by rewrite /=; apply: (List.in_map (cons (N.of_nat h.1))); apply: IH => n' nin; apply: ok; right.
by apply: In_range; have /ltP := ltn_ord h.1; lia.
Qed.

Lemma card_residues ns : moduli_ok ns -> #|residues ns| = N.to_nat (List.fold_left N.mul ns 1%num).
Proof.
have fold l a : List.fold_left N.mul l a = (a * List.fold_left N.mul l 1)%num.
  elim: l a => [|n l IH] a; cbn -[N.mul]; first by rewrite N.mul_1_r.
  by rewrite IH [in RHS]IH N.mul_1_l N.mul_assoc.
elim: ns => [|n ns IH] ok; first by rewrite card_ord.
have n2 : (2 <= n)%num by apply: ok; left.
rewrite card_prod card_ord IH => [|n' nin]; last by apply: ok; right.
have n1 : (N.to_nat n).-1.+1 = N.to_nat n by lia.
by rewrite n1 -multE -Nnat.N2Nat.inj_mul -{1}[n]N.mul_1_l -fold.
Qed.

Lemma exponent_residues ns e (a : residues ns) : moduli_ok ns -> (forall n, List.In n ns -> N.modulo e n = 0%num) ->
  (a *+ N.to_nat e = 0)%R.
Proof.
elim: ns a => [|n ns IH] a ok kills; first by rewrite (ord1 a) mul0rn.
have n2 : (2 <= n)%num by apply: ok; left.
have IHa : (a.2 *+ N.to_nat e = 0)%R by apply: IH => n' nin; [apply: ok | apply: kills]; right.
have top : (a.1 *+ N.to_nat e = 0)%R.
  apply: val_inj; rewrite /= Zp_mulrn /=; move: (nat_of_ord a.1) => x.
  have -> : (N.to_nat n).-1.+1 = N.to_nat n by lia.
  apply/eqP; apply: dvdn_mull; rewrite /dvdn -N_mod ?kills //; [by left | lia].
have pair k : (a *+ k = (a.1 *+ k, a.2 *+ k))%R by elim: k => [|k E] //; rewrite !mulrS E.
by rewrite pair top IHa.
Qed.

(* ---- The cascade: layers from the top one down; m tokens ---- *)

Section Build.

Variable m : nat.

Record built := Built { states : finType; it : cascade 'I_m states; code : states -> list (list N); zero : states }.

Fixpoint build (ls : list layer) : built :=
  match ls with
  | [::] => Built (Empty _) (fun _ => [::]) tt
  | L :: ls' =>
      let B := build ls' in
      let increment s (x : 'I_m) := entry [::] (entry [::] (increments L) (Checker.number ls' (@code B s))) (N.of_nat x) in
      Built (Layer (it B) (fun s x => residues_of (moduli L) (increment s x)))
            (fun s => numbers_of s.2 :: @code B s.1) (zero B, 0%R)
  end.

Definition layers_ok (ls : list layer) : Prop := forall L, List.In L ls -> moduli_ok (moduli L).

Lemma layers_ok_tail L ls : layers_ok (L :: ls) -> moduli_ok (moduli L) /\ layers_ok ls.
Proof. by move=> ok; split=> [|L' Lin]; apply: ok; [left | right]. Qed.

Lemma code_step ls s x : layers_ok ls -> code (cstep (it (build ls)) s x) = Checker.next ls (code s) (N.of_nat x).
Proof.
elim: ls s => [|L ls IH] // [s h] /layers_ok_tail [okL ok] /=.
by congr (_ :: _); [apply: numbers_add | apply: IH].
Qed.

Lemma code_all ls (s : states (build ls)) : layers_ok ls -> List.In (code s) (all_states ls).
Proof.
elim: ls s => [|L ls IH] s; first by left.
move=> /layers_ok_tail [okL ok]; apply/List.in_flat_map; exists (code s.1); split; first exact: IH.
by apply: (List.in_map (fun h => h :: code s.1)); apply: numbers_all.
Qed.

Lemma code_zero ls : code (zero (build ls)) = start ls.
Proof. by elim: ls => //= L ls ->; rewrite numbers_zero. Qed.

Lemma number_start ls : Checker.number ls (start ls) = 0%num.
Proof.
elim: ls => //= L ls ->; elim: (moduli L) => //= n ns; exact.
Qed.

Lemma card_build ls : layers_ok ls -> #|states (build ls)| = N.to_nat (List.fold_right (fun L n => size_of L * n)%num 1%num ls).
Proof.
elim: ls => [|L ls IH]; first by rewrite card_unit.
move=> /layers_ok_tail [okL ok]; rewrite card_prod IH // card_residues //.
by rewrite /= Nnat.N2Nat.inj_mul multE mulnC.
Qed.

Lemma exponents_build ls : layers_ok ls ->
  (forall L, List.In L ls -> forall n, List.In n (moduli L) -> N.modulo (exponent L) n = 0%num) ->
  exponents (it (build ls)) [seq N.to_nat (exponent L) | L <- ls].
Proof.
elim: ls => [|L ls IH] // /layers_ok_tail [okL ok] kills; split.
  by apply: IH => // L' Lin; apply: kills; right.
by move=> a; apply: exponent_residues => //; apply: kills; left.
Qed.

Lemma layers_build ls : Cascade.layers (it (build ls)) = List.length ls.
Proof. by elim: ls => //= L ls ->. Qed.

End Build.

(* What is run is the same. *)
Lemma fast_next_correct ls s x : fast_next (List.map fast ls) s x = (Checker.number ls s, Checker.next ls s x).
Proof.
elim: ls s => [|L ls IH] [|h s] //=; rewrite IH; congr (_, _ :: _); congr (add_residues _ _ _).
have -> : get_or (PositiveMap.empty (list N)) (array_of (List.map (@array_of (list N)) (increments L))) (Checker.number ls s) =
    array_of (entry [::] (increments L) (Checker.number ls s)).
  rewrite get_or_array /entry -[PositiveMap.empty _]/(array_of [::]); exact: List.map_nth.
exact: get_or_array.
Qed.
