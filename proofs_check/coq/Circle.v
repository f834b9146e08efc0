(* The converse for models: every group with V = 1 is tracked by layers h <- a h with |a| = 1, over the algebraic numbers.

   A layer with states in a finite abelian group A becomes one channel for each character of A; a state is held by its values,
   which are roots of unity, and adding t multiplies them by the characters of t. If m kills A, then a^m = 1 as well.

   Field: algC, the algebraic complex numbers. The layers add nothing (b = 0). *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable all_field all_character.
From Subnormal Require Import Exponents Stack Necessity Cascade Sufficiency Models.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory FinRing.Theory.
Local Open Scope ring_scope.

Section Characters.

Variable A : finZmodType.
Let G := [set: A]%G.

Definition channels : nat := (Nirr G).

Definition values (a : A) : {ffun 'I_channels -> algC} := [ffun i : Iirr G => 'chi_i a].

Lemma abelian_G : abelian G. Proof. exact: zmod_abelian. Qed.

Lemma linear i : 'chi[G]_i \is a linear_char.
Proof. by apply/char_abelianP; apply: abelian_G. Qed.

Lemma valuesD a b : values (a + b) = [ffun i => values b i * values a i].
Proof.
by apply/ffunP=> i; rewrite !ffunE -zmodMgE lin_charM ?inE ?linear // mulrC.
Qed.

Lemma values_norm a i : `|values a i| = 1.
Proof. by rewrite ffunE normC_lin_char ?linear ?inE. Qed.

Lemma values_power a m i : a *+ m = 0 -> values a i ^+ m = 1.
Proof.
by move=> am; rewrite ffunE -lin_charX ?linear ?inE // zmodXgE am -zmod1gE lin_char1 ?linear.
Qed.

Lemma values_inj : injective values.
Proof.
move=> a b /ffunP ab; apply/eqP; rewrite -subr_eq0; apply/eqP.
have : (a - b)%R \in (\bigcap_(i : Iirr G) cfker 'chi_i)%g.
  apply/bigcapP=> i _; rewrite cfkerEirr inE.
  have chi_ab : 'chi_i a = 'chi_i b by have := ab i; rewrite !ffunE.
  have -> : 'chi_i (a - b)%R = 'chi_i a * ('chi_i b)^-1.
    rewrite -[a - b]/(a * b^-1)%g lin_charM ?linear ?inE // lin_charV ?linear ?inE //.
  by rewrite chi_ab mulfV ?lin_char_neq0 ?linear ?inE // lin_char1 ?linear.
by rewrite TI_cfker_irr => /set1gP.
Qed.

Definition value_of (h : {ffun 'I_channels -> algC}) : A := odflt 0 [pick a | values a == h].

Lemma valuesK : cancel values value_of.
Proof.
by move=> a; rewrite /value_of; case: pickP => [b /eqP /values_inj // | /(_ a)]; rewrite eqxx.
Qed.

End Characters.

(* Every multiplier lies on the unit circle. *)
Fixpoint on_the_circle X S (M : model [numFieldType of algC] X S) : Prop :=
  match M with
  | Input => True
  | Affine _ lower _ a _ => on_the_circle lower /\ forall s x i, `|a s x i| = 1
  end.

Lemma circle_model X S (c : cascade X S) : exists T (M : model [numFieldType of algC] X T) (hold : S -> T) (held : T -> S),
  [/\ cancel hold held, forall s x, mstep M (hold s) x = hold (cstep c s x), on_the_circle M &
      forall ms, exponents c ms -> multipliers M ms].
Proof.
elim: S / c => [|S c [T [M [hold [held [holdK step_M circle exps]]]]] A inc].
  by exists unit, (Input _ _), id, id; split=> // -[].
exists (T * {ffun 'I_(channels A) -> algC})%type.
exists (Affine M (fun t x => values (inc (held t) x)) (fun _ _ => [ffun=> 0])).
exists (fun s => (hold s.1, values s.2)), (fun t => (held t.1, value_of t.2)); split.
- by move=> [s a] /=; rewrite holdK valuesK.
- move=> [s a] x /=; rewrite step_M /affine; congr (_, _).
  by apply/ffunP=> i; rewrite valuesD !ffunE holdK addr0.
- by split=> // t x i; apply: values_norm.
case=> // m ms [/exps mM killed]; split=> // t x i.
by rewrite values_power ?ler01 //; apply: killed.
Qed.

Section Equivalence.

Variables (X : Type) (gT : finGroupType) (tok : X -> gT) (G : {group gT}).
Hypothesis generated : generated_by tok G.

Lemma circle_tracks S (c : cascade X S) s0 (decode : S -> gT) ms : exponents c ms -> ctracks c s0 decode tok ->
  exists T (M : model [numFieldType of algC] X T) t0 (read : T -> gT),
    [/\ multipliers M ms, on_the_circle M, finitely_many_states M t0 & mtracks M t0 read tok].
Proof.
move=> ex tr; have [T [M [hold [held [holdK step_M circle exps]]]]] := circle_model c.
have runs w : mrun M (hold s0) w = hold (crun c s0 w).
  by rewrite /mrun /crun; elim: w s0 {tr} => //= x w IH s; rewrite step_M IH.
exists T, M, (hold s0), (decode \o held); split=> //; first exact: exps.
  exists #|S|, (fun i => hold (enum_val i)) => w; exists (enum_rank (crun c s0 w)).
  by rewrite enum_rankK runs.
by move=> w; rewrite runs /= holdK tr.
Qed.

(* Theorem 2 for models: layers of given exponents, all multipliers on the circle, finitely many states. *)
Theorem models_iff ms :
  (exists T (M : model [numFieldType of algC] X T) t0 (read : T -> gT),
    [/\ multipliers M ms, on_the_circle M, finitely_many_states M t0 & mtracks M t0 read tok]) <->
  V G ms = 1%g :> {set gT}.
Proof.
split=> [[T [M [t0 [read [kM _ fin tr]]]]] | V1]; first exact: (model_necessity fin tr kM generated).
have [S [c [s0 [decode [ex tr _]]]]] := sufficiency (proj1 generated) V1.
exact: circle_tracks ex tr.
Qed.

(* k AUSSM layers track exactly the groups whose k-th derived subgroup is trivial. *)
Theorem aussm_iff k :
  (exists T (M : model [numFieldType of algC] X T) t0 (read : T -> gT),
    [/\ mlayers M = k, on_the_circle M, finitely_many_states M t0 & mtracks M t0 read tok]) <->
  (G^`(k) = 1)%g.
Proof.
rewrite -V_derived -models_iff; split=> -[T [M [t0 [read [kM circle fin tr]]]]]; exists T, M, t0, read; split=> //.
  by rewrite -kM; apply: multipliers_any.
elim: T / M k kM {t0 read circle fin tr} => [|T M IH d a b] [|k] //= [/IH -> //].
Qed.

End Equivalence.
