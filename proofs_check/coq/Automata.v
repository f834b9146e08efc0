(* Automata, by their transition monoids: what stacks of diagonal layers can track beside groups.

   An automaton has states Q (a type; only those that are reached count), tokens X, an update delta and a start q0. A stack
   tracks it when a decoder gives delta(q0, w) after every word w.

   Hypotheses: as in Models.v, diagonal layers over a numeric field with finitely many reachable states. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable.
From Subnormal Require Import Exponents Stack Necessity Models.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Automata.

Variables (F : numFieldType) (X : Type) (S : Type) (M : model F X S) (s0 : S).
Variables (Q : Type) (decode : S -> Q) (delta : Q -> X -> Q) (q0 : Q).

Definition mtracks_automaton : Prop := forall w, decode (mrun M s0 w) = foldl delta q0 w.

Hypothesis finite : finitely_many_states M s0.
Hypothesis tracked : mtracks_automaton.

Let tracked_stack : tracks_automaton (mstack M) s0 decode delta q0.
Proof. by move=> w; rewrite out_mstack run_mstack. Qed.

(* A group that words of the automaton act through: it divides the transition monoid. *)
Definition divides (gT : finGroupType) (G : {group gT}) : Prop :=
  exists (W : seq X -> Prop) (val : seq X -> gT),
    [/\ W [::], forall u v, W u -> W v -> W (u ++ v) /\ val (u ++ v) = (val u * val v)%g,
        forall w, W w -> val w \in G, forall g, g \in G -> exists2 w, W w & val w = g &
        forall u v, W u -> W v -> (forall t, foldl delta q0 (t ++ u) = foldl delta q0 (t ++ v)) -> val u = val v].

(* Every group that divides the monoid of an automaton has V = 1. *)
Theorem divisors (gT : finGroupType) (G : {group gT}) ms :
  multipliers M ms -> divides G -> V G ms = 1%g :> {set gT}.
Proof.
move=> kM [W [val [W0 WM valG onto faithful]]].
apply: (divisors_of_tracked (tame_multipliers finite kM) (finite_model_classes finite) tracked_stack
  (W := W) (val := val)) => //.
- by move=> u v Wu Wv; case: (WM u v Wu Wv).
- by move=> u v Wu Wv; case: (WM u v Wu Wv).
Qed.

(* Any layers: only solvable groups divide it. *)
Theorem divisors_solvable (gT : finGroupType) (G : {group gT}) : divides G -> solvable G.
Proof.
move=> divG; apply/derivedP; exists (mlayers M); rewrite -V_derived.
exact: divisors (multipliers_any M) divG.
Qed.

(* Negative Mamba: only 2-groups divide it. *)
Theorem divisors_2group (gT : finGroupType) (G : {group gT}) :
  every_multiplier (@negative_mamba F) M -> divides G -> 2.-group%g G.
Proof. by move=> /multipliers_negative_mamba kM /(divisors kM); apply: V_pgroup. Qed.

(* Mamba: none but the trivial one, that is, the automaton is aperiodic (star-free, counter-free). *)
Theorem divisors_trivial (gT : finGroupType) (G : {group gT}) :
  every_multiplier (@mamba F) M -> divides G -> G = 1%g :> {set gT}.
Proof. by move=> /multipliers_mamba kM /(divisors kM); rewrite V_ones. Qed.

Lemma mrun_repeat T (N : model F X T) n w s : mrun N s (repeat n w) = iter n (fun t => mrun N t w) s.
Proof. by rewrite -run_mstack run_repeat; apply: eq_iter => t; rewrite run_mstack. Qed.

(* Among the states after 0 ... n repetitions of a word, two are the same. *)
Lemma pigeonhole : exists n, forall t w, exists i j, [/\ (i < j)%N, (j <= n)%N &
  iter i (fun s => mrun M s w) (mrun M s0 t) = iter j (fun s => mrun M s w) (mrun M s0 t)].
Proof.
have [n [e hit]] := finite; exists n => t w; set f := fun s => mrun M s w.
have [c ce] : exists c : 'I_n.+1 -> 'I_n, forall k : 'I_n.+1, iter k f (mrun M s0 t) = e (c k).
  apply: (@fin_all_exists _ (fun=> 'I_n) (fun (k : 'I_n.+1) i => iter k f (mrun M s0 t) = e i)) => k.
  by have [i ei] := hit (t ++ repeat k w); exists i; rewrite -ei -mrun_repeat /mrun foldl_cat.
have : ~~ injectiveb c.
  apply/negP=> /injectiveP c_inj; have := leq_card c c_inj; rewrite !card_ord ltnn //.
case/injectivePn=> i [j ij cij]; have same : iter i f (mrun M s0 t) = iter j f (mrun M s0 t) by rewrite !ce cij.
case: (ltngtP i j) => [lt | gt | eq]; last by move/eqP: ij; case; apply: val_inj.
  by exists i, j; split=> //; rewrite -ltnS.
by exists j, i; split=> //; rewrite -ltnS.
Qed.

Lemma tracked_repeat t n w : foldl delta q0 (t ++ repeat n w) = decode (iter n (fun s => mrun M s w) (mrun M s0 t)).
Proof. by rewrite -tracked -mrun_repeat /mrun foldl_cat. Qed.

(* A Mamba stack to which a word returns stands still under it. *)
Lemma mamba_still T (N : model F X T) w p s : every_multiplier (@mamba F) N -> (0 < p)%N ->
  iter p (fun t => mrun N t w) s = s -> mrun N s w = s.
Proof.
elim: T / N s => [|T N IH d a b] s; first by case: (mrun (Input F X) s w); case: s.
case: s => s h [mambaN top] p0.
have split_run v : mrun (Affine N a b) (s, h) v = (mrun N s v, acts (mstack N) (affine a b) s v h).
  by rewrite -run_mstack run_Over run_mstack.
rewrite -mrun_repeat !split_run => -[back same]; rewrite mrun_repeat in back.
have still := IH s mambaN p0 back; rewrite still; congr (_, _).
have lower_still : sim (mstack N) (run (mstack N) s w) s by rewrite run_mstack still; apply: sim_refl.
rewrite acts_repeat // in same.
have [||A [B [A0 AB]]] := @acts_affine F X d _ _ (mstack N) a b (fun _ _ A => 0 <= A) _ _ s w.
- by move=> _; apply: ler01.
- by move=> _ i A y x A0; rewrite mulr_ge0 //; case/andP: (top y x i).
have iter_i k i : iter k (acts (mstack N) (affine a b) s w) h i = iter k (fun x => A i * x + B i) (h i).
  by elim: k => //= k IHk; rewrite AB ffunE IHk.
apply/ffunP=> i; rewrite -[acts _ _ _ _ h]/(iter 1 (acts (mstack N) (affine a b) s w) h) iter_i.
apply: (affine_power p0); first by rewrite -iter_i same.
by move=> k k0 Ak; apply: root_of_nonneg k0 Ak; rewrite expr1.
Qed.

(* Mamba, word by word: from some n on, one more repetition of any word changes nothing. *)
Theorem mamba_aperiodic : every_multiplier (@mamba F) M ->
  exists n, forall t w, foldl delta q0 (t ++ repeat n.+1 w) = foldl delta q0 (t ++ repeat n w).
Proof.
move=> mM; have [n pigeon] := pigeonhole; exists n => t w; rewrite !tracked_repeat; congr decode.
have [i [j [lt_ij le_jn same]]] := pigeon t w; set f := fun s => mrun M s w in same *.
have still : f (iter i f (mrun M s0 t)) = iter i f (mrun M s0 t).
  apply: (mamba_still mM (p := j - i)); first by rewrite subn_gt0.
  by rewrite -iterD subnK 1?ltnW.
have -> : n = ((n - i) + i)%N by rewrite subnK // (leq_trans (ltnW lt_ij)).
by rewrite -addnS !iterD iterS still.
Qed.

(* Layers that forget nothing (a <> 0 throughout, as AUSSM's |a| = 1): on the states that are reached tokens are
   one-to-one; some power of every word does nothing. So a token that merges two reached states cannot be tracked. *)
Fixpoint nowhere_zero T (N : model F X T) : Prop :=
  match N with
  | Input => True
  | Affine _ lower _ a _ => nowhere_zero lower /\ forall s x i, a s x i != 0
  end.

Lemma step_inj T (N : model F X T) x : nowhere_zero N -> injective (mstep N ^~ x).
Proof.
elim: T / N => [|T N IH d a b] /=; first by move=> _ [] [].
move=> [/IH inj a0] [s h] [t g] /= [/inj st]; rewrite -{t}st => /ffunP hg; congr (_, _).
apply/ffunP=> i; have := hg i; rewrite /affine !ffunE => /addIr.
exact/mulfI.
Qed.

Lemma run_inj w : nowhere_zero M -> injective (fun s => mrun M s w).
Proof.
move=> M0; rewrite /mrun; elim: w => //= x w IH s t /IH; exact: step_inj.
Qed.

Theorem permutation_automaton : nowhere_zero M ->
  exists2 n, (0 < n)%N & forall t w, foldl delta q0 (t ++ repeat n w) = foldl delta q0 t.
Proof.
move=> M0; have [n pigeon] := pigeonhole; exists n`! => [|t w]; first exact: fact_gt0.
rewrite tracked_repeat -tracked; congr decode.
have [i [j [lt_ij le_jn same]]] := pigeon t w; set f := fun s => mrun M s w in same *.
have iter_inj k : injective (iter k f) by elim: k => //= k IH s s' /(run_inj M0) /IH.
have back : iter (j - i) f (mrun M s0 t) = mrun M s0 t.
  by apply: (iter_inj i); rewrite -iterD subnKC 1?ltnW.
have /dvdnP[q ->] : (j - i %| n`!)%N by rewrite dvdn_fact // subn_gt0 lt_ij (leq_trans (leq_subr _ _)).
by elim: q => [|q IH] //; rewrite mulSn iterD IH.
Qed.

(* No token merges two states that are reached. *)
Theorem no_merging x t u : nowhere_zero M ->
  foldl delta q0 (t ++ [:: x]) = foldl delta q0 (u ++ [:: x]) -> foldl delta q0 t = foldl delta q0 u.
Proof.
move=> M0 merged; have [n n0 back] := permutation_automaton M0.
have undo v : foldl delta q0 v = foldl delta (foldl delta q0 (v ++ [:: x])) (repeat n.-1 [:: x]).
  by rewrite -foldl_cat -catA -[[:: x] ++ _]/(repeat n.-1.+1 [:: x]) prednK // back.
by rewrite undo merged -undo.
Qed.

End Automata.
