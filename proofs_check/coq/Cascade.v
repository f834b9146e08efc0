(* Cascades: k layers, each a finite abelian group A, to which a token adds an amount that depends on the token and on the
   states of the lower layers in any way.

   Hypotheses: none on the increments; X may be infinite; [exponents c ms] says that layer i is killed by m_i (no condition
   for m_i = 0), the list beginning with the top layer. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra.
From Subnormal Require Import Exponents Stack Necessity.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Cascades.

Variable X : Type.

Inductive cascade : finType -> Type :=
| Empty : cascade unit_finType
| Layer (S : finType) (lower : cascade S) (A : finZmodType) (inc : S -> X -> A) : cascade (prod_finType S A).

Fixpoint cstep S (c : cascade S) : S -> X -> S :=
  match c with
  | Empty => fun s _ => s
  | Layer _ lower _ inc => fun s x => (cstep lower s.1 x, s.2 + inc s.1 x)
  end.

Definition crun S (c : cascade S) (s : S) (w : seq X) : S := foldl (cstep c) s w.

Definition ctracks S (c : cascade S) (s0 : S) (gT : finGroupType) (decode : S -> gT) (tok : X -> gT) : Prop :=
  forall w, decode (crun c s0 w) = product tok w.

Fixpoint layers S (c : cascade S) : nat := if c is Layer _ lower _ _ then (layers lower).+1 else 0%N.

Fixpoint exponents S (c : cascade S) (ms : seq nat) : Prop :=
  match c, ms with
  | Empty, [::] => True
  | Layer _ lower A _, m :: ms' => exponents lower ms' /\ forall a : A, a *+ m = 0
  | _, _ => False
  end.

Lemma exponents_none S (c : cascade S) : exponents c (nseq (layers c) 0%N).
Proof. by elim: S / c => //= S c IH A inc. Qed.

Lemma exponents_size S (c : cascade S) ms : exponents c ms -> size ms = layers c.
Proof. by elim: S / c ms => [|S c IH A inc] [|m ms] //= [/IH ->]. Qed.

(* The checker's induction: decode(s0) = 1, and decode(step(s, x)) = decode(s) x for every state s and token x. *)
Theorem cascade_induction S (c : cascade S) s0 (gT : finGroupType) (decode : S -> gT) tok :
  decode s0 = 1%g -> (forall s x, decode (cstep c s x) = (decode s * tok x)%g) -> ctracks c s0 decode tok.
Proof.
move=> d0 next w; rewrite /crun; elim/last_ind: w => [|w x IH] /=; first by rewrite /product big_nil.
by rewrite -cats1 foldl_cat /= next IH product_cat /product big_seq1.
Qed.

(* A cascade is a stack whose layers show all of their state. *)
Fixpoint stack_of S (c : cascade S) : stack X S S :=
  match c with
  | Empty => Bottom X
  | Layer _ lower A inc => Over (stack_of lower) (fun s x (h : A) => h + inc s x) (fun _ h => h)
  end.

Lemma out_stack S (c : cascade S) s : out (stack_of c) s = s.
Proof. by elim: S / c s => [|S c IH A inc] //= [s a] /=; rewrite IH. Qed.

Lemma step_stack S (c : cascade S) s x : step (stack_of c) s x = cstep c s x.
Proof. by elim: S / c s => [|S c IH A inc] //= [s a] /=; rewrite IH out_stack. Qed.

Lemma run_stack S (c : cascade S) s w : run (stack_of c) s w = crun c s w.
Proof. by rewrite /run /crun; elim: w s => //= x w IH s; rewrite step_stack IH. Qed.

Lemma tracks_stack S (c : cascade S) s0 (gT : finGroupType) (decode : S -> gT) tok :
  tracks (stack_of c) s0 decode tok <-> ctracks c s0 decode tok.
Proof. by split=> t w; have := t w; rewrite out_stack run_stack. Qed.

(* What a word adds. *)
Lemma acts_add S Y (lower : stack X S Y) (A : zmodType) (inc : Y -> X -> A) s w :
  exists t, forall h, acts lower (fun y x h => h + inc y x) s w h = h + t.
Proof.
elim: w s => [|x w IH] s /=; first by exists 0 => h; rewrite addr0.
by have [t addt] := IH (step lower s x); exists (inc (out lower s) x + t) => h; rewrite addt addrA.
Qed.

Lemma tame_cascade S (c : cascade S) ms R : exponents c ms -> tame (fun=> True) (stack_of c) ms R.
Proof.
elim: S / c ms R => [|S c IH A inc] [|m ms] R //= [/IH tc killed]; split=> //.
move=> s u v F f g _ _ _ _ _ _ _ _ _ h _.
have [a fa] := acts_add (stack_of c) inc s u; have [b gb] := acts_add (stack_of c) inc s v.
split; first by rewrite /f /g fa !gb fa addrAC; apply: sim_refl.
suff -> : iter m f h = h by apply: sim_refl.
rewrite -[RHS]addr0 -(killed a); elim: m {killed} => [|m IHm] /=; first by rewrite mulr0n addr0.
by rewrite IHm /f fa mulrSr addrA.
Qed.

Lemma finite_classes S (c : cascade S) s0 : finitely_many_classes (stack_of c) s0.
Proof.
exists #|S|, enum_val => s _; exists (enum_rank s); rewrite enum_rankK; exact: sim_refl.
Qed.

(* A cascade that tracks an automaton: a group through which words act on it has V = 1. *)
Theorem cascade_divisors S (c : cascade S) s0 ms Q (decode : S -> Q) delta q0 :
  exponents c ms -> (forall w, decode (crun c s0 w) = foldl delta q0 w) ->
  tame (fun=> True) (stack_of c) ms (reachable (stack_of c) s0) /\
  tracks_automaton (stack_of c) s0 decode delta q0.
Proof. by move=> /tame_cascade tc tr; split=> // w; rewrite out_stack run_stack tr. Qed.

(* Necessity: if a cascade tracks tokens that generate G, then V G ms = 1. *)
Theorem necessity S (c : cascade S) s0 ms (gT : finGroupType) (decode : S -> gT) tok (G : {group gT}) :
  exponents c ms -> ctracks c s0 decode tok -> generated_by tok G -> V G ms = 1%g :> {set gT}.
Proof.
move=> ex tr [tokG onto].
apply: (@group_tracked _ (fun=> True) _ _ (stack_of c) s0 ms _ decode tok) => //.
- exact: tame_cascade.
- exact: finite_classes.
- exact/tracks_stack.
- by move=> g /onto [w]; exists w.
Qed.

(* Layers that read the lower ones after the token: [after c] has the increments of c, evaluated there. *)
Fixpoint after S (c : cascade S) : cascade S :=
  match c with
  | Empty => Empty
  | Layer _ lower _ inc => Layer (after lower) (fun s x => inc (cstep (after lower) s x) x)
  end.

Lemma exponents_after S (c : cascade S) ms : exponents (after c) ms <-> exponents c ms.
Proof. by elim: S / c ms => [|S c IH A inc] [|m ms] //=; rewrite IH. Qed.

(* For a fixed token the state before is determined by the state after. *)
Fixpoint unstep S (c : cascade S) : S -> X -> S :=
  match c with
  | Empty => fun s _ => s
  | Layer _ lower _ inc => fun s x => (unstep lower s.1 x, s.2 - inc (unstep lower s.1 x) x)
  end.

Lemma stepK S (c : cascade S) x : cancel (cstep c ^~ x) (unstep c ^~ x).
Proof. by elim: S / c => [|S c IH A inc] //= [s h] /=; rewrite IH addrK. Qed.

Fixpoint before S (c : cascade S) : cascade S :=
  match c with
  | Empty => Empty
  | Layer _ lower _ inc => Layer (before lower) (fun s x => inc (unstep lower s x) x)
  end.

Lemma exponents_before S (c : cascade S) ms : exponents (before c) ms <-> exponents c ms.
Proof. by elim: S / c ms => [|S c IH A inc] [|m ms] //=; rewrite IH. Qed.

Lemma after_before S (c : cascade S) s x : cstep (after (before c)) s x = cstep c s x.
Proof. by elim: S / c s => [|S c IH A inc] //= [s h] /=; rewrite IH stepK. Qed.

Lemma tracks_after_before S (c : cascade S) s0 (gT : finGroupType) (decode : S -> gT) tok :
  ctracks c s0 decode tok -> ctracks (after (before c)) s0 decode tok.
Proof.
move=> tr w; rewrite -tr /crun; congr decode.
by elim: w s0 {tr} => //= x w IH s; rewrite after_before IH.
Qed.

End Cascades.
