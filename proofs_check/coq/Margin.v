(* Diagonal state-space models whose states are bounded, perhaps infinitely many, and read with a margin.

   Layer: h <- a * h + b, channel by channel, |a| <= 1; a and b are any functions of what is read off the lower
   layers, and the token. What is read off a layer may take any values.

   Hypotheses, of the states that can be reached from the initial one:
     bounded_states   : no channel is ever larger than some K;
     read_with_margin : there is eta > 0 such that the same is read off any two states of a layer that differ by less
                        than eta in every channel, where the same is read off the lower layers.
   The decoder is any function of what is read off all layers.

   Why layers are tame: states that are close stay close, so they look the same for ever. Take two words that permute,
   up to looks, a bounded set. In channels that both turn (|a| = 1) they commute, for the two orders differ by a
   translation [same_map]. In the others, repeating the two words brings the two results as close as one likes, so they
   look the same then; and repeating is invertible, up to looks, so they looked the same before. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable all_field.
From Subnormal Require Import Exponents Stack Necessity Models Automata Circle Bounded.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.POrderTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Readers.

Variables (F : numFieldType) (X : Type).

(* Layers h <- a * h + b, where a and b are functions of what was read off the lower layers, and the token. [read] gives
   what the upper layers and the decoder see of this one. *)
Inductive reader : Type -> Type -> Type :=
| Nothing : reader unit unit
| Layer S Y (lower : reader S Y) d (a b : Y -> X -> {ffun 'I_d -> F}) O (read : Y -> {ffun 'I_d -> F} -> O) :
    reader (S * {ffun 'I_d -> F}) (Y * O).

Fixpoint rstack S Y (M : reader S Y) : stack X S Y :=
  match M with
  | Nothing => Bottom X
  | Layer _ _ lower _ a b _ read => Over (rstack lower) (affine a b) read
  end.

(* No channel of a state that R holds of is larger than K. *)
Fixpoint bounded K S Y (M : reader S Y) : (S -> Prop) -> Prop :=
  match M with
  | Nothing => fun _ => True
  | Layer _ _ lower _ _ _ _ _ => fun R =>
      bounded K lower (fun s => exists h, R (s, h)) /\ forall s h i, R (s, h) -> `|h i| <= K
  end.

(* Of two states that R holds of, the same is read off a layer where the same is read off the lower ones and the two
   differ by less than eta. *)
Fixpoint margin eta S Y (M : reader S Y) : (S -> Prop) -> Prop :=
  match M with
  | Nothing => fun _ => True
  | Layer _ _ lower _ _ _ _ read => fun R =>
      margin eta lower (fun s => exists h, R (s, h)) /\
      forall s t h g, R (s, h) -> R (t, g) -> out (rstack lower) s = out (rstack lower) t ->
        (forall i, `|h i - g i| < eta) -> read (out (rstack lower) s) h = read (out (rstack lower) t) g
  end.

Definition turns m (z : F) : Prop := `|z| <= 1 /\ (`|z| = 1 -> z ^+ m = 1).

(* From the top layer down: no multiplier is larger than 1, and those of modulus 1 are m-th roots of unity. *)
Fixpoint rotations S Y (M : reader S Y) (ms : seq nat) : Prop :=
  match M, ms with
  | Nothing, [::] => True
  | Layer _ _ lower _ a _ _ _, m :: ms' => rotations lower ms' /\ forall y x i, turns m (a y x i)
  | _, _ => False
  end.

Lemma turns1 m : turns m 1.
Proof. by split=> [|_]; rewrite ?normr1 ?expr1n. Qed.

Lemma turnsM m z z' : turns m z -> turns m z' -> turns m (z * z').
Proof.
move=> [z1 zm] [z1' zm']; split=> [|zz]; rewrite ?normrM ?mulr_ile1 //.
have big (x y : F) : `|x| <= 1 -> `|y| <= 1 -> `|x * y| = 1 -> `|x| = 1.
  move=> x1 y1 xy; apply/eqP; rewrite eq_le x1 -xy normrM /=.
  by rewrite -[X in _ <= X]mulr1 ler_wpmul2l.
have zz' : `|z' * z| = 1 by rewrite mulrC.
by rewrite exprMn (zm (big _ _ z1 z1' zz)) (zm' (big _ _ z1' z1 zz')) mulr1.
Qed.

(* The families: AUSSM, Negative Mamba, Mamba, and S4D or anything else inside the circle. *)
Lemma turns_aussm z : aussm z -> turns 0 z.
Proof. by move=> z1; split=> //; rewrite z1. Qed.

Lemma turns_mamba z : mamba z -> turns 1 z.
Proof. by case/andP=> z0 z1; rewrite /turns ger0_norm. Qed.

Lemma turns_negative_mamba z : negative_mamba z -> turns 2 z.
Proof.
move=> z1; have Rz : z \is Num.real.
  have : z + 1 \is Num.real by rewrite ger0_real // -[1]opprK subr_ge0; case/andP: z1.
  by move=> Rz1; rewrite -(addrK 1 z) rpredB ?rpred1.
by split=> [|n1]; [rewrite real_ler_norml | rewrite -real_normK // n1 expr1n].
Qed.

Lemma turns_inside m z : `|z| < 1 -> turns m z.
Proof. by move=> z1; split=> [|n1]; [apply: ltW | rewrite n1 ltxx in z1]. Qed.

Section OneLayer.

Hypothesis compact : totally_bounded F.

Variables (S Y : Type) (c : stack X S Y) (d : nat) (a b : Y -> X -> {ffun 'I_d -> F}).
Variables (O : Type) (read : Y -> {ffun 'I_d -> F} -> O).

Local Notation H := {ffun 'I_d -> F}.
Local Notation cc := (Over c (affine a b) read).

Variables (R : S * H -> Prop) (K eta : F) (m : nat).
Hypothesis R_run : forall s w, R s -> R (run cc s w).
Hypothesis R_bounded : forall s h i, R (s, h) -> `|h i| <= K.
Hypothesis eta0 : 0 < eta.
Hypothesis R_margin : forall s t h g, R (s, h) -> R (t, g) -> out c s = out c t ->
  (forall i, `|h i - g i| < eta) -> read (out c s) h = read (out c t) g.
Hypothesis turns_a : forall y x i, turns m (a y x i).

Lemma words s w : exists A B : H, (forall i, turns m (A i)) /\
  forall h, acts c (affine a b) s w h = [ffun i => A i * h i + B i].
Proof.
apply: (acts_affine c b (T := fun _ _ z => turns m z)) => [_ | n i A y x TA]; first exact: turns1.
exact: turnsM.
Qed.

(* States that are close stay close, so they look the same for ever. *)
Lemma close_sim s t h g : R (s, h) -> R (t, g) -> sim c s t -> (forall i, `|h i - g i| < eta) ->
  sim cc (s, h) (t, g).
Proof.
move=> Rsh Rtg st hg w; have := R_run w Rtg; have := R_run w Rsh; rewrite !run_Over /= -(acts_sim _ _ _ st).
move=> Rh Rg; rewrite (st w); congr (_, _); rewrite -{1}(st w); apply: R_margin => // i.
have [A [B [TA AE]]] := words s w; rewrite !AE !ffunE opprD addrACA subrr addr0 -mulrBr normrM.
by apply: le_lt_trans (hg i); rewrite ler_pimull //; have [] := TA i.
Qed.

Section Fibre.

Variables (s : S) (P : H -> Prop).
Hypothesis reach : forall h, P h -> exists2 t, R (t, h) & sim c t s.

Local Notation "h ~~ g" := (alike c (affine a b) read s h g) (at level 70).

Lemma close_alike h g : P h -> P g -> (forall i, `|h i - g i| < eta) -> h ~~ g.
Proof.
move=> /reach [t Rth ts] /reach [r Rrg rs] hg.
have tr : sim c t r by apply: sim_trans ts _; apply: sim_sym.
apply: sim_trans (sim_trans _ (close_sim Rth Rrg tr hg)) _; last exact: sim_same.
exact/sim_sym/sim_same.
Qed.

Lemma P_bounded h i : P h -> `|h i| <= K.
Proof. by case/reach => t /R_bounded. Qed.

(* What an invertible map brings together was alike before. *)
Lemma merges (r : H -> H) (A B h g : H) :
  (forall k, r k = [ffun i => A i * k i + B i]) -> (forall i, `|A i| <= 1) -> (forall k, P k -> P (r k)) ->
  (forall k l, P k -> P l -> r k ~~ r l -> k ~~ l) ->
  P h -> P g -> (forall i, `|A i| < 1 \/ h i = g i) -> h ~~ g.
Proof.
move=> rE A1 Pr inj Ph Pg each.
have [f fP] : exists f : 'I_d -> nat, forall i, `|A i| ^+ f i * `|h i - g i| < eta.
  apply: (@fin_all_exists _ (fun=> nat) (fun i n => `|A i| ^+ n * `|h i - g i| < eta)) => i.
  case: (each i) => [Ai | ->]; first exact: decays.
  by exists 0%N; rewrite subrr normr0 mulr0.
pose N := (\sum_i f i)%N.
have differ n i : iter n r h i - iter n r g i = A i ^+ n * (h i - g i).
  elim: n => [|n IH]; first by rewrite expr0 mul1r.
  by rewrite !iterS !rE !ffunE opprD addrACA subrr addr0 -mulrBr IH mulrA -exprS.
have P_iter n k : P k -> P (iter n r k) by move=> Pk; elim: n => //= n; apply: Pr.
have : iter N r h ~~ iter N r g.
  apply: close_alike => [||i]; [exact: P_iter | exact: P_iter |].
  rewrite differ normrM normrX; apply: le_lt_trans (fP i).
  apply: ler_wpmul2r => //; apply: ler_wiexpn2l => //; rewrite /N (bigD1 i) //=; exact: leq_addr.
by elim: (N) => //= n IH near; apply: IH; apply: inj near; apply: P_iter.
Qed.

End Fibre.

Theorem tame_margin : tame_layer (fun=> True) m c (affine a b) read R.
Proof.
move=> s u v P f g _ _ us vs reach Pf Pg perf perg h Ph.
have [A [B [turnA fE]]] := words s u; have [A' [B' [turnA' gE]]] := words s v.
rewrite -/f in fE; rewrite -/g in gE.
have inj w : sim c (run c s w) s -> (forall k, P k -> P (acts c (affine a b) s w k)) ->
    (exists2 n, (0 < n)%N & forall k, P k ->
      alike c (affine a b) read s (iter n (acts c (affine a b) s w) k) k) ->
    forall k l, P k -> P l ->
      alike c (affine a b) read s (acts c (affine a b) s w k) (acts c (affine a b) s w l) ->
      alike c (affine a b) read s k l.
  move=> ws Pw [n n0 per] k l Pk Pl kl.
  apply: sim_trans (sim_sym (per k Pk)) (sim_trans _ (per l Pl)).
  by rewrite -(prednK n0) !iterSr; apply: alike_iter.
have injf := inj u us Pf perf; have injg := inj v vs Pg perg.
rewrite -/f in injf; rewrite -/g in injg.
have iter_i n k i : iter n f k i = iter n (fun x => A i * x + B i) (k i).
  by elim: n => //= n IH; rewrite fE ffunE IH.
pose Q i x := exists2 k, P k & k i = x.
have Qh i : Q i (h i) by exists h.
have QK i x : Q i x -> `|x| <= K by case=> k Pk <-; apply: (P_bounded reach).
split.
  apply: (@merges s P reach (f \o g) [ffun i => A i * A' i] [ffun i => A i * B' i + B i]) => //.
  - move=> k /=; rewrite fE gE; apply/ffunP=> i; rewrite !ffunE mulrDr mulrA addrA //.
  - by move=> i; rewrite ffunE; case: (turnsM (turnA i) (turnA' i)).
  - by move=> k /Pg /Pf.
  - by move=> k l Pk Pl /(injf _ _ (Pg k Pk) (Pg l Pl)) /(injg _ _ Pk Pl).
  - exact/Pf/Pg.
  - exact/Pg/Pf.
  move=> i; rewrite ffunE; have [AA _] := turnsM (turnA i) (turnA' i).
  move: AA; rewrite le_eqVlt => /orP [/eqP AA | ]; [right | by left].
  have fg x : A i * (A' i * x + B' i) + B i = A i * A' i * x + (A i * B' i + B i) by rewrite mulrDr mulrA addrA.
  have gf x : A' i * (A i * x + B i) + B' i = A i * A' i * x + (A' i * B i + B' i).
    by rewrite mulrDr mulrA addrA [A' i * A i]mulrC.
  rewrite !fE !gE !ffunE fg gf; congr (_ + _); apply: (same_map compact (QK i) (Qh i) AA) => _ [k Pk <-].
    by exists (f (g k)); [exact/Pf/Pg | rewrite !fE !gE !ffunE fg].
  by exists (g (f k)); [exact/Pg/Pf | rewrite !fE !gE !ffunE gf].
have P_iter n k : P k -> P (iter n f k) by move=> Pk; elim: n => //= n; apply: Pf.
apply: (@merges s P reach f A B) => //.
- by move=> i; case: (turnA i).
- exact: P_iter.
move=> i; have [] := turnA i; rewrite le_eqVlt => /orP [/eqP Ai /(_ Ai) Am | ]; [right | by left].
have [C iterC] := iter_form (A i) (B i) m.
have form k : iter m f k i = 1 * k i + C by rewrite iter_i iterC Am.
suff C0 : C = 0 by rewrite form C0 mul1r addr0.
apply: (same_map compact (QK i) (Qh i) (normr1 F)) => _ [k Pk <-].
  by exists (iter m f k); [exact: P_iter | rewrite form].
by exists k; rewrite // mul1r addr0.
Qed.

End OneLayer.

Section Reached.

Hypothesis compact : totally_bounded F.

Lemma lower_run S Y (M : reader S Y) d a b O read (R : S * {ffun 'I_d -> F} -> Prop) :
  (forall s w, R s -> R (run (rstack (@Layer S Y M d a b O read)) s w)) ->
  forall s w, (exists h, R (s, h)) -> exists h, R (run (rstack M) s w, h).
Proof. by move=> Rrun s w [h /(Rrun _ w)]; rewrite run_Over => ?; exists (acts (rstack M) (affine a b) s w h). Qed.

Lemma tame_reader K eta S Y (M : reader S Y) ms (R : S -> Prop) :
  0 < eta -> (forall s w, R s -> R (run (rstack M) s w)) ->
  bounded K M R -> margin eta M R -> rotations M ms -> tame (fun=> True) (rstack M) ms R.
Proof.
move=> eta0; elim: S Y / M ms R => [|S Y M IH d a b O read] [|m ms] //= R Rrun [bM bR] [mM mR] [rM ra]; split.
  by apply: IH rM => //; apply: lower_run Rrun.
by apply: (tame_margin compact Rrun bR eta0 mR ra).
Qed.

(* A grid in every layer: states in the same boxes look the same for ever. *)
Lemma finite_classes K eta S Y (M : reader S Y) ms (R : S -> Prop) (e : bool) :
  0 < eta -> (forall s w, R s -> R (run (rstack M) s w)) ->
  bounded K M R -> margin eta M R -> rotations M ms -> (exists s, R s) ->
  ((exists n (t : 'I_n -> S), forall s, R s -> exists i, sim (rstack M) s (t i)) -> e) -> e.
Proof.
move=> eta0; elim: S Y / M ms R => [|S Y M IH d a b O read] [|m ms] //= R Rrun.
  by move=> _ _ _ _; apply; exists 1%N, (fun=> tt) => -[] _; exists ord0; apply: sim_refl.
move=> [bM bR] [mM mR] [rM ra] [s0 Rs0] next.
apply: (IH ms (fun s => exists h, R (s, h))) => //; [exact: lower_run Rrun | by exists s0.1, s0.2; case: (s0) Rs0 |].
move=> [n [t tP]]; have [k [center cov]] := close_to compact K eta0.
pose T := [finType of 'I_n * {ffun 'I_d -> 'I_k}].
pose box (p : T) s h := [/\ R (s, h), sim (rstack M) s (t p.1) & forall j, `|h j - center (p.2 j)| < eta / 2%:R].
pose c := Over (rstack M) (affine a b) read.
apply: (@for_each e #|T| (fun i => exists r, forall s h, box (enum_val i) s h -> sim c (s, h) r)) => [i nexti | all].
  apply: (@by_cases e (exists s h, box (enum_val i) s h)) => -[[s [h [Rsh st hc]]] | none]; apply: nexti.
    exists (s, h) => s' h' [Rsh' st' hc']; apply: (close_sim Rrun mR ra) => // [|j].
      by apply: sim_trans st' _; apply: sim_sym.
    exact: near (hc' j) (hc j).
  by exists s0 => s h bsh; case: none; exists s, h.
have [r rP] := fin_all_exists all.
apply: next; exists #|T|, r => -[s h] Rsh.
have [i si] := tP s (ex_intro _ h Rsh).
have [f fP] := @fin_all_exists _ (fun=> 'I_k) (fun j i => `|h j - center i| < eta / 2%:R)
  (fun j => cov _ (bR s h j Rsh)).
exists (enum_rank ((i, finfun f) : T)); apply: rP; rewrite enum_rankK; split=> // j.
by rewrite ffunE.
Qed.

Section Theorems.

Variables (S Y : Type) (M : reader S Y) (s0 : S).

(* The hypotheses. Of the states that are reached: *)
Definition bounded_states : Prop := exists K, bounded K M (reachable (rstack M) s0).
Definition read_with_margin : Prop := exists2 eta, 0 < eta & margin eta M (reachable (rstack M) s0).

Hypothesis bounded_M : bounded_states.
Hypothesis margin_M : read_with_margin.
Variable ms : seq nat.
Hypothesis rotations_M : rotations M ms.

Lemma reached_run s w : reachable (rstack M) s0 s -> reachable (rstack M) s0 (run (rstack M) s w).
Proof. by case=> u ->; exists (u ++ w); rewrite run_cat. Qed.

Lemma tame_reached : tame (fun=> True) (rstack M) ms (reachable (rstack M) s0).
Proof.
have [[K bK] [eta eta0 meta]] := (bounded_M, margin_M).
exact: tame_reader eta0 reached_run bK meta rotations_M.
Qed.

Lemma classes_reached (e : bool) : (finitely_many_classes (rstack M) s0 -> e) -> e.
Proof.
have [[K bK] [eta eta0 meta]] := (bounded_M, margin_M).
by apply: (finite_classes eta0 reached_run bK meta rotations_M); exists s0, [::].
Qed.

Theorem bounded_with_margin (gT : finGroupType) (decode : Y -> gT) tok (G : {group gT}) :
  tracks (rstack M) s0 decode tok -> generated_by tok G -> V G ms = 1%g :> {set gT}.
Proof.
move=> tr [tokG onto]; apply/eqP; apply: classes_reached => fin; apply/eqP.
apply: (group_tracked _ _ tame_reached fin tr tokG) => // g /onto [w]; by exists w.
Qed.

(* With the multipliers of Mamba, Negative Mamba and S4D where they are smaller than 1, or 1: no group at all. *)
Theorem margin_trivial (gT : finGroupType) (decode : Y -> gT) tok (G : {group gT}) :
  all (pred1 1%N) ms -> tracks (rstack M) s0 decode tok -> generated_by tok G -> G = 1%g :> {set gT}.
Proof. by move=> ones tr gen; rewrite -[LHS](V_all_ones _ ones) (bounded_with_margin tr gen). Qed.

(* Automata. *)
Theorem margin_divisors Q (decode : Y -> Q) delta q0 (gT : finGroupType) (G : {group gT}) :
  tracks_automaton (rstack M) s0 decode delta q0 -> divides delta q0 G -> V G ms = 1%g :> {set gT}.
Proof.
move=> tr [W [val [W0 WM valG onto faithful]]]; apply/eqP; apply: classes_reached => fin; apply/eqP.
apply: (divisors_of_tracked tame_reached fin tr (W := W) (val := val)) => //.
- by move=> u v Wu Wv; case: (WM u v Wu Wv).
- by move=> u v Wu Wv; case: (WM u v Wu Wv).
Qed.

End Theorems.

(* Any layers with |a| <= 1: with k of them, the k-th derived subgroup is trivial. *)
Fixpoint rlayers S Y (M : reader S Y) : nat := if M is Layer _ _ lower _ _ _ _ _ then (rlayers lower).+1 else 0%N.

Fixpoint not_expanding S Y (M : reader S Y) : Prop :=
  if M is Layer _ _ lower _ a _ _ _ then not_expanding lower /\ forall y x i, `|a y x i| <= 1 else True.

Lemma rotations_any S Y (M : reader S Y) : not_expanding M -> rotations M (nseq (rlayers M) 0%N).
Proof. by elim: S Y / M => //= S Y M IH d a b O read [/IH rM a1]; split=> // y x i; split=> // _; rewrite expr0. Qed.

Theorem margin_depth S Y (M : reader S Y) s0 (gT : finGroupType) (decode : Y -> gT) tok (G : {group gT}) :
  bounded_states M s0 -> read_with_margin M s0 -> not_expanding M ->
  tracks (rstack M) s0 decode tok -> generated_by tok G -> (G^`(rlayers M) = 1)%g.
Proof.
move=> bM mM /rotations_any rM tr gen; rewrite -V_derived.
exact: (bounded_with_margin bM mM rM tr gen).
Qed.

End Reached.

(* Finitely many states, as in Models.v, are a case of this: all that is in a state may be read. *)
Fixpoint reader_of S (M : model F X S) : reader S S :=
  match M with
  | Input => Nothing
  | Affine _ lower _ a b => Layer (reader_of lower) a b (fun _ h => h)
  end.

Lemma rstack_of S (M : model F X S) : rstack (reader_of M) = mstack M.
Proof. by elim: S / M => //= S M -> d a b. Qed.

Lemma term_le (I : finType) (f : I -> F) i : (forall j, 0 <= f j) -> f i <= \sum_j f j.
Proof. by move=> f0; rewrite (bigD1 i) //= ler_addl; apply: sumr_ge0. Qed.

Lemma finite_bounded S (M : model F X S) (R : S -> Prop) n (t : 'I_n -> S) : (forall s, R s -> exists i, s = t i) ->
  exists2 K, 0 <= K & forall K', K <= K' -> bounded K' (reader_of M) R.
Proof.
elim: S / M R t => [|S M IH d a b] R t Rt /=; first by exists 0.
have [|K K0 bK] := IH (fun s => exists h, R (s, h)) (fun i => (t i).1).
  by move=> s [h /Rt [i sh]]; exists i; rewrite -sh.
pose size_of i := \sum_j `|(t i).2 j|.
have size0 i : 0 <= size_of i by apply: sumr_ge0 => j _; apply: normr_ge0.
have total0 : 0 <= \sum_i size_of i by apply: sumr_ge0.
exists (K + \sum_i size_of i) => [|K' KK']; first exact: addr_ge0.
split=> [|s h j /Rt [i sh]]; first by apply: bK; apply: le_trans KK'; rewrite ler_addl.
have -> : h = (t i).2 by rewrite -sh.
apply: le_trans KK'; apply: ler_paddl K0 _; apply: le_trans (term_le i size0).
by apply: (term_le (f := fun j => `|(t i).2 j|)) => l; apply: normr_ge0.
Qed.

Lemma finite_margin S (M : model F X S) (R : S -> Prop) n (t : 'I_n -> S) : (forall s, R s -> exists i, s = t i) ->
  exists2 E, 0 <= E & forall eta, 0 < eta -> eta * E < 1 -> margin eta (reader_of M) R.
Proof.
elim: S / M R t => [|S M IH d a b] R t Rt /=; first by exists 0.
have [|E E0 mE] := IH (fun s => exists h, R (s, h)) (fun i => (t i).1).
  by move=> s [h /Rt [i sh]]; exists i; rewrite -sh.
pose gap i k := \sum_j `|(t i).2 j - (t k).2 j|^-1.
have gap0 i k : 0 <= gap i k by apply: sumr_ge0 => j _; rewrite invr_ge0.
have gaps0 i : 0 <= \sum_k gap i k by apply: sumr_ge0.
have D0 : 0 <= \sum_i \sum_k gap i k by apply: sumr_ge0.
exists (E + \sum_i \sum_k gap i k) => [|eta eta0]; first exact: addr_ge0.
rewrite mulrDr => small; split.
  by apply: mE => //; apply: le_lt_trans small; rewrite ler_addl mulr_ge0 // ltW.
move=> s s' h g /Rt [i sh] /Rt [k sg] _ hg.
have {sh} hE : h = (t i).2 by rewrite -sh.
have {sg} gE : g = (t k).2 by rewrite -sg.
apply/ffunP=> j; apply/eqP; rewrite -subr_eq0 -normr_eq0; apply: contraT => apart.
have x0 : 0 < `|h j - g j| by rewrite lt_def apart normr_ge0.
have : eta * `|h j - g j|^-1 < 1.
  apply: le_lt_trans small; apply: ler_paddl; first by rewrite mulr_ge0 // ltW.
  apply: ler_wpmul2l; first exact: ltW.
  apply: le_trans (term_le i gaps0); apply: le_trans (term_le k (gap0 i)); rewrite hE gE.
  by apply: (term_le (f := fun j => `|(t i).2 j - (t k).2 j|^-1)) => l; rewrite invr_ge0.
by rewrite ltr_pdivr_mulr // mul1r => /lt_trans /(_ (hg j)); rewrite ltxx.
Qed.

Theorem finite_is_bounded_with_margin S (M : model F X S) s0 :
  finitely_many_states M s0 -> bounded_states (reader_of M) s0 /\ read_with_margin (reader_of M) s0.
Proof.
move=> [n [t Rt]]; have cover s : reachable (rstack (reader_of M)) s0 s -> exists i, s = t i.
  by case=> w ->; rewrite rstack_of run_mstack.
split; first by have [K _ bK] := finite_bounded M cover; exists K; apply: bK.
have [E E0 mE] := finite_margin M cover.
have E1 : 0 < E + 1 := ltr_spaddr ltr01 E0.
exists (E + 1)^-1; first by rewrite invr_gt0.
by apply: mE; rewrite ?invr_gt0 // mulrC ltr_pdivr_mulr // mul1r ltr_addl.
Qed.

End Readers.

Section Equivalence.

Variables (X : Type) (gT : finGroupType) (tok : X -> gT) (G : {group gT}).
Hypothesis generated : generated_by tok G.

Lemma circle_rotations S (M : model [numFieldType of algC] X S) ms :
  on_the_circle M -> multipliers M ms -> rotations (reader_of M) ms.
Proof.
elim: S / M ms => [|S M IH d a b] [|m ms] //= [circle a1] [kM am]; split; first exact: IH.
move=> y x i; split=> [|_]; first by rewrite a1.
by rewrite -(ger0_norm (am y x i)) normrX a1 expr1n.
Qed.

(* Theorem 2 with bounded states and a margin. *)
Theorem margin_iff ms :
  (exists S Y (M : reader [numFieldType of algC] X S Y) s0 (decode : Y -> gT),
    [/\ rotations M ms, bounded_states M s0, read_with_margin M s0 & tracks (rstack M) s0 decode tok]) <->
  V G ms = 1%g :> {set gT}.
Proof.
split=> [[S [Y [M [s0 [decode [rM bM mM tr]]]]]] | V1].
  exact: (bounded_with_margin algC_totally_bounded bM mM rM tr generated).
have [T [M [t0 [read [kM circle fin tr]]]]] := proj2 (models_iff generated ms) V1.
have [bM mM] := finite_is_bounded_with_margin fin.
exists T, T, (reader_of M), t0, read; split=> //; first exact: circle_rotations.
by move=> w; rewrite rstack_of out_mstack run_mstack.
Qed.

End Equivalence.
