(* Corollaries by name: parity, S3, A4, S4, A5.

   The statements about models have the hypotheses of Models.v: diagonal layers over a numeric field, any number of channels,
   any dependence on lower states and token, finitely many reachable states, any decoder. *)

From Coq Require Import List NArith.
From Subnormal Require Import Checker.
From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable.
From Subnormal Require Import Exponents Stack Cascade Sufficiency Models CheckerArrays CheckerCascade CheckerSound.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GroupScope.

Section Models.

Variables (F : numFieldType) (X S : Type) (M : model F X S) (s0 : S).
Hypothesis finite : finitely_many_states M s0.
Variables (gT : finGroupType) (decode : S -> gT) (tok : X -> gT).
Hypothesis tracked : mtracks M s0 decode tok.

(* Parity has two tokens, of value 1 and not. No mixture of Mamba and S4D layers, of any depth, tracks it. *)
Theorem no_parity ks x y : kinds M ks -> all (fun k => exponent_of k == 1%N) ks -> tok x = tok y.
Proof. by move=> kM ones; apply: (mamba_s4d finite tracked kM ones). Qed.

(* A group that k layers track has derived length at most k. *)
Theorem depth_bound (G : {group gT}) k : generated_by tok G -> mlayers M = k -> G^`(k) = 1 :> {set _}.
Proof. by move=> gen <-; apply: (model_depth finite tracked gen). Qed.

(* Negative Mamba tracks 2-groups alone. *)
Theorem negative_mamba_2groups (G : {group gT}) : generated_by tok G -> every_multiplier (@negative_mamba F) M -> 2.-group G.
Proof.
move=> gen /multipliers_negative_mamba kM; apply: (@V_pgroup _ 2 (mlayers M)) => //.
exact: (model_necessity finite tracked kM gen).
Qed.

(* Nothing that is not solvable. *)
Theorem only_solvable (G : {group gT}) : generated_by tok G -> solvable G.
Proof.
move=> gen; apply/derivedP; exists (mlayers M); exact: (model_depth finite tracked gen).
Qed.

End Models.

(* S3, A4, S4: from permutations as lists, by the checker's own evaluation of nested commutators, proved right in
   CheckerArrays.v. *)
Lemma witness d (rows_ : list (list N)) (A : {group {perm 'I_(N.to_nat d)}}) t p l :
  (forall r, List.In r rows_ -> perm_of d r \in A) -> forallb (is_permutation d) rows_ ->
  evaluate d (array_of rows_) 0 (fun _ => true) t = Some (p, l) -> ~~ row_eqb p (range d) -> A^`(l) <> 1 :> {set _}.
Proof.
move=> in_A /List.forallb_forall perms value p1 A1.
have good_rows r : List.In r rows_ -> good d r by move/perms; apply: is_permutation_sound.
have [gp] := evaluate_sound good_rows (fun r r_in _ => in_A r r_in) value.
rewrite [N.to_nat 0]/= V_derived A1 => /set1gP p_is_1.
have pE : p = range d by apply: (@perm_of_inj d) => //; [apply: good_range | rewrite perm_of_range].
by rewrite pE row_eqb_refl in p1.
Qed.

Definition Sym n : {group {perm 'I_n}} := [set: {perm 'I_n}]%G.

(* (1,2), (2,3) and (1,2,3,4), as images of 0, 1, 2, 3. *)
Theorem S3_not_one_layer : (Sym 3)^`(1) <> 1 :> {set _}.
Proof.
apply: (@witness 3%num [:: [:: 1%num; 0%num; 2%num]; [:: 0%num; 2%num; 1%num]] _ (Commutator (Element 0) (Element 1))); [| by [] | vm_compute; reflexivity | by []].
by move=> r _; rewrite inE.
Qed.

Theorem S4_not_two_layers : (Sym 4)^`(2) <> 1 :> {set _}.
Proof.
apply: (@witness 4%num [:: [:: 1%num; 0%num; 2%num; 3%num]; [:: 0%num; 2%num; 1%num; 3%num]; [:: 1%num; 2%num; 3%num; 0%num]] _
  (Commutator (Commutator (Element 1) (Element 2)) (Commutator (Element 0) (Element 2)))); [| by [] | vm_compute; reflexivity | by []].
by move=> r _; rewrite inE.
Qed.

Lemma even_commutator n (p q : {perm 'I_n}) : [~ p, q] \in 'Alt_('I_n).
Proof. by rewrite Alt_even commgEl odd_permM odd_permV odd_permJ addbb. Qed.

(* A4 is not abelian: the commutator of two commutators of S4 is not 1. *)
Theorem A4_not_one_layer : 'Alt_('I_4)^`(1) <> 1 :> {set _}.
Proof.
move=> A1; apply: S4_not_two_layers; apply/trivgP; rewrite -A1 !dergSn derg0 /=.
apply: commgSS; rewrite gen_subG; apply/subsetP=> _ /imset2P[p q _ _ ->]; exact: even_commutator.
Qed.

(* A_n for n >= 5 is perfect: no number of layers tracks it. *)
Theorem alternating_never n k : 5 <= n -> 'Alt_('I_n)^`(k) <> 1 :> {set _}.
Proof.
move=> n5; have card5 : 5 <= #|'I_n| by rewrite card_ord.
have simple_A := simple_Alt5 card5.
move=> A1; have sol : solvable 'Alt_('I_n) by apply/derivedP; exists k.
have pr := simple_sol_prime sol simple_A.
have card_A : (2 * #|'Alt_('I_n)|)%N = n`! by rewrite card_Alt card_ord //; apply: leq_trans n5.
have two : 2 %| #|'Alt_('I_n)|.
  by rewrite -(@dvdn_pmul2l 2) // card_A; apply: (@dvdn_fact 4); apply: leq_trans n5.
have three : 3 %| #|'Alt_('I_n)|.
  by rewrite -(@Gauss_dvdr 3 2) // card_A; apply: dvdn_fact; apply: leq_trans n5.
move: two three; rewrite !dvdn_prime2 // => /eqP <-.
by [].
Qed.
