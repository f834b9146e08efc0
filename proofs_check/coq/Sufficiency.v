(* Sufficiency: from a subnormal series with abelian factors, a cascade that tracks; and the equivalence.

   Layer by layer (Krasner and Kaloujnine): where the lower layers know a product up to a factor n on the left from M, and
   N is normal in M with M/N abelian, a layer with states M/N knows it up to a factor from N. It adds the coset of
   w x w'^-1, w and w' what the lower layers decode to before and after the token x.

   Hypotheses: the tokens' values lie in a finite group G. They need not generate it, and X may be infinite. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable.
From Subnormal Require Import Exponents Stack Necessity Cascade.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GroupScope.

Section Sufficiency.

Variables (X : Type) (gT : finGroupType) (tok : X -> gT) (G : {group gT}).
Hypothesis tokG : forall x, tok x \in G.

Lemma product_in w : product tok w \in G.
Proof. exact: group_prod. Qed.

(* After every word the product is in N * decode(state). *)
Definition up_to (N : {set gT}) S (c : cascade X S) s0 (decode : S -> gT) : Prop :=
  forall w, product tok w * (decode (crun c s0 w))^-1 \in N.

Section OneLayer.

Variables (S : finType) (c : cascade X S) (s0 : S) (decode : S -> gT) (M N : {group gT}).
Hypotheses (known : up_to M c s0 decode) (nNM : N <| M) (abMN : abelian (M / N)%G).

Definition quotient := [finZmodType of FiniteModule.fmod_of abMN].
Let add n : quotient := FiniteModule.fmod abMN (coset N n).
Definition layer : cascade X (prod_finType S quotient) := Layer c (fun s x => add (decode s * tok x * (decode (cstep c s x))^-1)).
Definition decode' (s : S * quotient) : gT := repr (FiniteModule.fmval s.2 : coset_of N) * decode s.1.
Definition start : S * quotient := (s0, add (decode s0)^-1).

Let norm n : n \in M -> n \in 'N(N). Proof. exact: (subsetP (normal_norm nNM)). Qed.

Let addM n n' : n \in M -> n' \in M -> add (n * n') = (add n + add n')%R.
Proof.
by move=> Mn Mn'; rewrite /add morphM ?norm // FiniteModule.fmodM //; apply: mem_quotient.
Qed.

Let run_layer w : crun layer start w = (crun c s0 w, add (product tok w * (decode (crun c s0 w))^-1)).
Proof.
rewrite /crun; elim/last_ind: w => [|w x IH]; first by rewrite /= /product big_nil mul1g.
rewrite -cats1 foldl_cat IH /= foldl_cat /=; congr (_, _).
have := known (w ++ [:: x]); rewrite /crun foldl_cat /= => Mwx; have Mw := known w; rewrite /crun in Mw.
set s := foldl _ _ w in Mw Mwx *; set s' := cstep c s x in Mwx *.
have step_eq : product tok (w ++ [:: x]) * (decode s')^-1 =
    product tok w * (decode s)^-1 * (decode s * tok x * (decode s')^-1).
  by rewrite product_cat {2}/product big_seq1 !mulgA mulgKV.
by rewrite step_eq [RHS]addM // -(groupMl _ Mw) -step_eq.
Qed.

Lemma known_layer : up_to N layer start decode'.
Proof.
move=> w; rewrite run_layer /decode' /=; set d := decode _; have Mw : product tok w * d^-1 \in M := known w.
have MNw : coset N (product tok w * d^-1) \in M / N by apply: mem_quotient.
rewrite [FiniteModule.fmval _]FiniteModule.fmodK // invMg mulgA.
have : repr (coset N (product tok w * d^-1)) \in N :* (product tok w * d^-1).
  by rewrite -val_coset ?norm // mem_repr_coset.
by rewrite mem_rcoset -groupV invMg invgK.
Qed.

Lemma card_layer : (#|prod_finType S quotient| * #|N| = #|S| * #|M|)%N.
Proof.
rewrite card_prod -mulnA; congr (_ * _)%N.
have -> : #|quotient| = #|M / N|.
  rewrite -cardsT -(card_imset _ (@FiniteModule.fmod_inj _ _ abMN)).
  congr #|pred_of_set _|; apply/setP=> x; apply/imsetP/idP => [[a _ ->] | MNx]; first exact: FiniteModule.fmodP.
  by exists (FiniteModule.fmod abMN x) => //; rewrite [RHS]FiniteModule.fmodK.
by rewrite card_quotient ?normal_norm // mulnC Lagrange ?normal_sub.
Qed.

Lemma exponent_layer m : {in M, forall x, x ^+ m \in N} -> forall a : quotient, (a *+ m = 0)%R.
Proof.
move=> pow a; apply: FiniteModule.fmod_inj; rewrite [LHS]FiniteModule.fmvalZ.
have /morphimP[x Nx Mx ->] := FiniteModule.fmodP a.
by rewrite -morphX //; apply: coset_id; apply: pow.
Qed.

End OneLayer.

Lemma series_cascade ms (N : {group gT}) : series ms G N ->
  exists S (c : cascade X S) s0 (decode : S -> gT),
    [/\ exponents c ms, up_to N c s0 decode & (#|S| * #|N| = #|G|)%N].
Proof.
elim: ms N => [|m ms IH] N /=.
  move=> ->; exists unit_finType, (Empty X), tt, (fun=> 1); split=> //; last by rewrite card_unit mul1n.
  by move=> w; rewrite invg1 mulg1 product_in.
case=> M /IH [S [c [s0 [decode [ex known card]]]]] [nNM abMN pow].
exists (prod_finType S (quotient abMN)), (layer c decode abMN), (start s0 decode abMN), (decode' decode (abMN := abMN)).
split; first by split=> //; apply: exponent_layer.
  exact: known_layer known nNM abMN.
by rewrite card_layer.
Qed.

(* As many states as the group has elements. *)
Theorem sufficiency ms : V G ms = 1 :> {set gT} ->
  exists S (c : cascade X S) s0 (decode : S -> gT), [/\ exponents c ms, ctracks c s0 decode tok & #|S| = #|G|].
Proof.
move/series_iff/series_cascade => [S [c [s0 [decode [ex known card]]]]].
exists S, c, s0, decode; split=> [//| w |]; last by rewrite -card cards1 muln1.
by have := known w; rewrite inE => /eqP /(congr1 (mulg^~ (decode (crun c s0 w)))); rewrite mulgKV mul1g.
Qed.

End Sufficiency.

Section Equivalence.

Variables (X : Type) (gT : finGroupType) (tok : X -> gT) (G : {group gT}).
Hypothesis generated : generated_by tok G.

(* Theorem 2 for stacks of given exponents: tracked by such a cascade iff V = 1. *)
Theorem tracked_iff ms :
  (exists S (c : cascade X S) s0 (decode : S -> gT), exponents c ms /\ ctracks c s0 decode tok) <->
  V G ms = 1 :> {set gT}.
Proof.
split=> [[S [c [s0 [decode [ex tr]]]]] | V1]; first exact: necessity ex tr generated.
have [S [c [s0 [decode [ex tr _]]]]] := sufficiency (proj1 generated) V1.
by exists S, c, s0, decode.
Qed.

(* Theorem 2: k layers track iff the k-th derived subgroup is trivial. *)
Theorem layers_iff k :
  (exists S (c : cascade X S) s0 (decode : S -> gT), layers c = k /\ ctracks c s0 decode tok) <->
  G^`(k) = 1 :> {set gT}.
Proof.
rewrite -V_derived -tracked_iff; split=> -[S [c [s0 [decode [ex tr]]]]]; exists S, c, s0, decode; split=> //.
  by rewrite -ex; apply: exponents_none.
by rewrite -(exponents_size ex) size_nseq.
Qed.

(* ... iff there is a subnormal series of length k with abelian factors. *)
Theorem series_tracked_iff ms :
  (exists S (c : cascade X S) s0 (decode : S -> gT), exponents c ms /\ ctracks c s0 decode tok) <->
  series ms G 1%G.
Proof. by rewrite tracked_iff series_iff. Qed.

(* Some number of layers tracks iff G is solvable. *)
Theorem solvable_iff :
  (exists S (c : cascade X S) s0 (decode : S -> gT), ctracks c s0 decode tok) <-> solvable G.
Proof.
split=> [[S [c [s0 [decode tr]]]] | /derivedP [k Gk]].
  apply/derivedP; exists (layers c); apply/layers_iff; by exists S, c, s0, decode.
by have /layers_iff [S [c [s0 [decode [_ tr]]]]] := Gk; exists S, c, s0, decode.
Qed.

(* The same for layers that read the lower ones after the token. *)
Theorem tracked_after_iff ms :
  (exists S (c : cascade X S) s0 (decode : S -> gT), exponents c ms /\ ctracks (after c) s0 decode tok) <->
  V G ms = 1 :> {set gT}.
Proof.
rewrite -tracked_iff; split=> -[S [c [s0 [decode [ex tr]]]]].
  by exists S, (after c), s0, decode; rewrite exponents_after.
by exists S, (before c), s0, decode; rewrite exponents_before; split=> //; apply: tracks_after_before.
Qed.

End Equivalence.
