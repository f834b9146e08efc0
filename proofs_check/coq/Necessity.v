(* What a stack of tame layers can track: the general theorem behind every impossibility here.

   A layer is TAME with exponent m when the updates of two words that lead the lower layers back, on any set of reachable
   states that both map to itself and permute up to what can be seen, commute there, and their m-th powers do nothing
   there. Every kind of layer in Cascade.v, Models.v and Margin.v is shown to be tame there, once.

   Theorem [divisors_of_tracked]. Let a stack of tame layers with exponents ms, whose reachable states fall into finitely
   many classes of states that look the same, track an automaton. If words W (closed under concatenation) act on the
   automaton through a finite group G, then V G ms = 1.

   [ok] restricts the words that are used, e.g. to lengths divisible by some number; ordinarily it holds of all. *)

From mathcomp Require Import all_ssreflect all_fingroup.
From Subnormal Require Import Exponents Stack.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Section Classical.

(* The conclusions are equations in finite groups, hence decidable; so proofs of them may reason classically. *)
Variable b : bool.

Lemma by_cases (P : Prop) : (P \/ ~ P -> b) -> b.
Proof. by case: b => // H; apply: (H); right => p; have := H (or_introl p). Qed.

Lemma for_each n (P : 'I_n -> Prop) : (forall i, (P i -> b) -> b) -> ((forall i, P i) -> b) -> b.
Proof.
move=> each all; suff fin : forall s : seq 'I_n, ((forall i, i \in s -> P i) -> b) -> b.
  by apply: (fin (enum 'I_n)) => Ps; apply: all => i; apply: Ps; rewrite mem_enum.
elim=> [|i s IH] H; first exact: H.
apply: IH => Ps; apply: (each i) => Pi; apply: H => j.
by rewrite inE => /orP [/eqP -> //|]; apply: Ps.
Qed.

Lemma least (P : nat -> Prop) n : P n -> (forall k, P k -> (forall j, j < k -> ~ P j) -> b) -> b.
Proof.
move=> Pn H; have [k] := ubnP n; elim: k n Pn => // k IH n Pn le_nk.
apply: (@by_cases (exists2 j, j < n & P j)) => -[[j lt_jn Pj] | none].
  exact: (IH j Pj (leq_trans lt_jn le_nk)).
by apply: (H n Pn) => j lt_jn Pj; apply: none; exists j.
Qed.

End Classical.

Section Tame.

Variables (X : Type) (ok : seq X -> Prop).

Definition tame_layer m S Y (lower : stack X S Y) H O (act : Y -> X -> H -> H) (read : Y -> H -> O)
    (R : S * H -> Prop) : Prop :=
  forall s u v (F : H -> Prop),
  let f := acts lower act s u in let g := acts lower act s v in
  ok u -> ok v -> sim lower (run lower s u) s -> sim lower (run lower s v) s ->
  (forall h, F h -> exists2 t, R (t, h) & sim lower t s) ->
  (forall h, F h -> F (f h)) -> (forall h, F h -> F (g h)) ->
  (exists2 n, 0 < n & forall h, F h -> alike lower act read s (iter n f h) h) ->
  (exists2 n, 0 < n & forall h, F h -> alike lower act read s (iter n g h) h) ->
  forall h, F h -> alike lower act read s (f (g h)) (g (f h)) /\ alike lower act read s (iter m f h) h.

(* R holds of the states that matter (those that can be reached); ms: from the top layer down. *)
Fixpoint tame S Y (c : stack X S Y) (ms : seq nat) : (S -> Prop) -> Prop :=
  match c with
  | Bottom => fun _ => ms = [::]
  | Over _ _ lower _ _ act read => fun R =>
      if ms is m :: ms' then tame lower ms' (fun s => exists h, R (s, h)) /\ tame_layer m lower act read R else False
  end.

Section Core.

Variables (W : seq X -> Prop) (gT : finGroupType) (val : seq X -> gT).

Hypothesis W_ok : forall w, W w -> ok w.
Hypothesis W_nil : W [::].
Hypothesis W_cat : forall u v, W u -> W v -> W (u ++ v).
Hypothesis val_nil : val [::] = 1%g.
Hypothesis val_cat : forall u v, W u -> W v -> val (u ++ v) = (val u * val v)%g.

Lemma W_repeat n w : W w -> W (repeat n w).
Proof. by move=> Ww; elim: n => //= n IH; apply: W_cat. Qed.

Lemma val_repeat n w : W w -> val (repeat n w) = (val w ^+ n)%g.
Proof.
move=> Ww; elim: n => [|n IH] //=; rewrite val_cat ?IH ?expgS //; exact: W_repeat.
Qed.

Section Fibre.

Variables (S Y : Type) (c : stack X S Y) (H O : Type) (act : Y -> X -> H -> H) (read : Y -> H -> O) (s : S).

Local Notation f w := (acts c act s w).
Local Notation "h ~~ g" := (alike c act read s h g) (at level 70).

Lemma acts_cat_back u v h : sim c (run c s u) s -> f (u ++ v) h = f v (f u h).
Proof. by move=> us; rewrite acts_cat (acts_sim _ _ _ us). Qed.

Lemma run_repeat_back n u : sim c (run c s u) s -> sim c (run c s (repeat n u)) s.
Proof.
move=> us; elim: n => [|n IH] //=; rewrite run_cat.
by apply: sim_trans IH; apply: sim_run.
Qed.

Lemma acts_repeat n u h : sim c (run c s u) s -> f (repeat n u) h = iter n (f u) h.
Proof. by move=> us; elim: n h => //= n IH h; rewrite acts_cat_back // IH -iterSr. Qed.

Lemma alike_iter n u h g : sim c (run c s u) s -> h ~~ g -> iter n (f u) h ~~ iter n (f u) g.
Proof. by move=> us hg; elim: n => //= n IH; apply: alike_acts. Qed.

Lemma alike_trans g h k : h ~~ g -> g ~~ k -> h ~~ k.
Proof. exact: sim_trans. Qed.

(* f' is f^(N-1) and g' is g^(N'-1); the word u' v' u v does nothing that can be seen. *)
Lemma commutator_word (F : H -> Prop) u v n n' h :
  sim c (run c s u) s -> sim c (run c s v) s ->
  (forall h, F h -> F (f u h)) -> (forall h, F h -> F (f v h)) ->
  (forall h, F h -> iter n.+1 (f u) h ~~ h) -> (forall h, F h -> iter n'.+1 (f v) h ~~ h) ->
  (forall h, F h -> f u (f v h) ~~ f v (f u h)) ->
  F h -> f (repeat n u ++ repeat n' v ++ u ++ v) h ~~ h.
Proof.
move=> us vs Fu Fv nu nv com Fh.
rewrite acts_cat_back; last exact: run_repeat_back.
rewrite acts_cat_back; last exact: run_repeat_back.
rewrite acts_cat_back // !acts_repeat //.
have Fun j k : F k -> F (iter j (f u) k) by move=> Fk; elim: j => //= j; apply: Fu.
have Fvn j k : F k -> F (iter j (f v) k) by move=> Fk; elim: j => //= j; apply: Fv.
have swap j k : F k -> f u (iter j (f v) k) ~~ iter j (f v) (f u k).
  move=> Fk; elim: j => [|j IH] /=; first by [].
  by apply: alike_trans (com _ (Fvn j k Fk)) _; apply: alike_acts.
set k := iter n _ h; have Fk : F k by apply: Fun.
apply: alike_trans (alike_acts vs (swap n' k Fk)) _.
apply: alike_trans (nv _ (Fu _ Fk)) _.
exact: nu.
Qed.

End Fibre.

Lemma order_word w : W w -> forall S Y (c : stack X S Y) (M : S -> Prop),
  (exists2 n, 0 < n & forall s, M s -> sim c (iter n (fun t => run c t w) s) s) ->
  exists n, val (repeat n w) = (val w)^-1%g /\ forall s, M s -> sim c (run c s (repeat n.+1 w)) s.
Proof.
move=> Ww S Y c M [n n0 per]; exists (n * #[val w]%g).-1; split.
  rewrite val_repeat //; apply/eqP; rewrite eq_sym eq_invg_mul -expgS prednK ?muln_gt0 ?n0 ?order_gt0 //.
  by rewrite mulnC expgM expg_order expg1n.
move=> s Ms; rewrite prednK ?muln_gt0 ?n0 ?order_gt0 // run_repeat.
elim: (#[val w]%g) => [|j IH]; first by rewrite muln0; apply: sim_refl.
rewrite mulnS addnC iterD -!run_repeat; rewrite -!run_repeat in IH.
apply: sim_trans IH; apply: sim_run; rewrite run_repeat; exact: per.
Qed.

Theorem core S Y (c : stack X S Y) ms (R M : S -> Prop) (G : {group gT}) :
  tame c ms R -> (forall s, M s -> R s) ->
  (forall w s, W w -> M s -> M (run c s w)) ->
  (forall w, W w -> exists2 n, 0 < n & forall s, M s -> sim c (iter n (fun t => run c t w) s) s) ->
  (forall g, g \in G -> exists2 w, W w & val w = g) ->
  forall g, g \in V G ms -> exists w, [/\ W w, val w = g & forall s, M s -> sim c (run c s w) s].
Proof.
elim: c ms R M => [|S' Y' c IH H O act read] ms R M /=.
  by move=> -> _ _ _ onto g /onto [w Ww <-]; exists w; split=> // s _ v; case: (out _ _); case: (out _ _).
case: ms => // m ms [tc tl] MR Mw per onto.
pose M1 s := exists h, M (s, h).
have {}IH : forall g, g \in V G ms -> exists w, [/\ W w, val w = g & forall s, M1 s -> sim c (run c s w) s].
  apply: (IH ms _ M1 tc) => //.
  - by move=> s [h Mh]; exists h; apply: MR.
  - by move=> w s Ww [h Mh]; have := Mw w _ Ww Mh; rewrite run_Over; exists (acts c act s w h).
  move=> w Ww; have [n n0 nper] := per w Ww; exists n => // s [h Mh].
  have := nper _ Mh; rewrite -!run_repeat run_Over; exact: sim_lower.
set cc := Over c act read.
pose still w := forall s, M s -> sim cc (run cc s w) s.
have still_cat u v : still u -> still v -> still (u ++ v).
  move=> su sv s Ms; rewrite run_cat; apply: sim_trans (sv s Ms); apply: sim_run; exact: su.
suff gens g : g \in commg_set (V G ms) (V G ms) :|: [set x ^+ m | x in V G ms]%g ->
    exists w, [/\ W w, val w = g & still w].
  move=> g /= /gen_prodgP [n [a gen_a ->]].
  elim/big_ind: _ => [|x y [u [Wu <- su]] [v [Wv <- sv]] | i _]; last exact: gens.
    by exists [::]; split=> // s Ms; apply: sim_refl.
  by exists (u ++ v); split; [apply: W_cat | apply: val_cat | apply: still_cat].
(* The fibre over a state of the lower layers, and that a word which acts there trivially is still. *)
pose F s k := exists2 t, M (t, k) & sim c t s.
have from_fibres w : (forall s, M1 s -> sim c (run c s w) s) ->
    (forall s k, M1 s -> F s k -> alike c act read s (acts c act s w k) k) -> still w.
  move=> low fib [s k] Msk; rewrite run_Over.
  have M1s : M1 s by exists k.
  apply: sim_trans (sim_same _ _ _ (low s M1s)) (fib s k M1s _).
  by exists s => //; apply: sim_refl.
have closed u s : W u -> (forall s, M1 s -> sim c (run c s u) s) -> M1 s ->
    forall k, F s k -> F s (acts c act s u k).
  move=> Wu low M1s k [t Mtk ts]; exists (run c t u); last first.
    by apply: sim_trans ts; apply: low; exists k.
  by have := Mw u _ Wu Mtk; rewrite run_Over (acts_sim _ _ _ ts).
have periodic u n s : W u -> (forall s, M1 s -> sim c (run c s u) s) -> M1 s ->
    (forall s, M s -> sim cc (run cc s (repeat n u)) s) ->
    forall k, F s k -> alike c act read s (iter n (acts c act s u) k) k.
  move=> Wu low M1s nper k [t Mtk ts].
  have := nper _ Mtk; rewrite run_Over (acts_sim _ _ _ ts) acts_repeat; last exact: low.
  move=> near; apply: sim_trans (sim_trans near (sim_same _ _ _ ts)).
  apply/sim_sym/sim_same/(sim_trans _ ts); exact: sim_lower near.
have reached s k : F s k -> exists2 t, R (t, k) & sim c t s by case=> t /MR; exists t.
rewrite inE => /orP [/imset2P[x y /IH [u [Wu <- su]] /IH [v [Wv <- sv]] ->] | /imsetP[x /IH [u [Wu <- su]] ->]].
  have [n [valn pern]] := order_word Wu (per u Wu).
  have [n' [valn' pern']] := order_word Wv (per v Wv).
  have [Wu' Wv'] := (W_repeat n Wu, W_repeat n' Wv).
  have Wuv := W_cat Wu Wv; have Wvuv := W_cat Wv' Wuv.
  exists (repeat n u ++ repeat n' v ++ u ++ v); split; first exact: W_cat.
    by rewrite (val_cat Wu' Wvuv) (val_cat Wv' Wuv) (val_cat Wu Wv) valn valn' commgEl conjgE.
  apply: from_fibres => [s M1s | s k M1s Fk].
    rewrite !run_cat; apply: sim_trans (sv s M1s); apply: sim_run; apply: sim_trans (su s M1s); apply: sim_run.
    apply: sim_trans (run_repeat_back n' (sv s M1s)); apply: sim_run; exact: run_repeat_back (su s M1s).
  apply: (@commutator_word _ _ _ _ _ _ _ _ (F s)) => //.
  - exact: su.
  - exact: sv.
  - exact: closed.
  - exact: closed.
  - exact: periodic.
  - exact: periodic.
  move=> k' Fk'; apply: (proj1 (tl s u v (F s) _ _ _ _ _ _ _ _ _ k' Fk')) => //; try exact: W_ok.
  - exact: su.
  - exact: sv.
  - exact: reached.
  - exact: closed.
  - exact: closed.
  - by exists n.+1 => //; apply: periodic.
  - by exists n'.+1 => //; apply: periodic.
have [n [_ pern]] := order_word Wu (per u Wu).
exists (repeat m u); split; [exact: W_repeat | exact: val_repeat |].
apply: from_fibres => [s M1s | s k M1s Fk]; first exact: run_repeat_back (su s M1s).
rewrite acts_repeat; last exact: su.
apply: (proj2 (tl s u u (F s) _ _ _ _ _ _ _ _ _ k Fk)) => //; try exact: W_ok.
- exact: su.
- exact: su.
- exact: reached.
- exact: closed.
- exact: closed.
- by exists n.+1 => //; apply: periodic.
- by exists n.+1 => //; apply: periodic.
Qed.

End Core.

Section Divisors.

Variables (S Y : Type) (c : stack X S Y) (s0 : S) (ms : seq nat).

Definition reachable (s : S) : Prop := exists w, s = run c s0 w.

(* The reachable states fall into finitely many classes of states that look the same. *)
Definition finitely_many_classes : Prop :=
  exists n (t : 'I_n -> S), forall s, reachable s -> exists i, sim c s (t i).

Hypothesis tame_c : tame c ms reachable.
Hypothesis finite_c : finitely_many_classes.

Variables (Q : Type) (decode : Y -> Q) (delta : Q -> X -> Q) (q0 : Q).
Hypothesis tracked : tracks_automaton c s0 decode delta q0.

Variables (gT : finGroupType) (G : {group gT}) (W : seq X -> Prop) (val : seq X -> gT).
Hypothesis W_ok : forall w, W w -> ok w.
Hypothesis W_nil : W [::].
Hypothesis W_cat : forall u v, W u -> W v -> W (u ++ v).
Hypothesis val_cat : forall u v, W u -> W v -> val (u ++ v) = (val u * val v)%g.
Hypothesis val_in : forall w, W w -> val w \in G.
Hypothesis onto : forall g, g \in G -> exists2 w, W w & val w = g.

(* The value of a word is determined by what the word does to the states of the automaton that can be reached. *)
Hypothesis faithful : forall u v, W u -> W v ->
  (forall t, foldl delta q0 (t ++ u) = foldl delta q0 (t ++ v)) -> val u = val v.

Definition covers n e : Prop := exists t : 'I_n -> S, forall s, reachable s -> exists i, sim c (run c s e) (t i).

Theorem divisors_of_tracked : V G ms = 1%g :> {set gT}.
Proof.
apply/eqP; have [n0 [t0 cov0]] := finite_c.
(* A word e of W after which as few classes as possible are left. *)
apply: (@least _ (fun n => exists2 e, W e & covers n e) n0); first by exists [::] => //; exists t0.
move=> n [e We [t cov]] smallest.
pose M s := exists2 r, reachable r & s = run c r e.
have fewer (j : 'I_n) e' : W e' -> forall t' : 'I_n -> S,
    (forall s, reachable s -> exists2 i, i != j & sim c (run c s e') (t' i)) -> False.
  move=> We' t' hit; apply: (smallest n.-1); first by rewrite ltn_predL (leq_ltn_trans _ (ltn_ord j)).
  exists e' => //; exists (fun i => t' (lift j i)) => s /hit [i ij near].
  by case: (unliftP j i) ij near => [k -> _ near | -> /eqP //]; exists k.
(* Every one of the n classes is hit. *)
apply: (@for_each _ n (fun i => exists2 s, M s & sim c s (t i))) => [i next | hit].
  apply: (@by_cases _ (exists2 s, M s & sim c s (t i))) => -[/next // | none].
  case: (fewer i e We t) => s rs; have [j near] := cov s rs; exists j => //.
  by apply/eqP=> ji; apply: none; exists (run c s e); [exists s | rewrite -ji].
(* Words u e permute the classes. *)
have M_run u s : M s -> M (run c s (u ++ e)).
  by case=> r [w ->] ->; rewrite run_cat; exists (run c s0 (w ++ e ++ u)) => //; [exists (w ++ e ++ u) | rewrite !run_cat].
have cov_M s : M s -> exists i, sim c s (t i) by case=> r rr ->; apply: cov.
pose W' w := w = [::] \/ exists2 u, W u & w = u ++ e.
have W'W w : W' w -> W w by case=> [-> // | [u Wu ->]]; apply: W_cat.
have W'M w s : W' w -> M s -> M (run c s w) by case=> [-> // | [u Wu ->]]; apply: M_run.
have per w : W' w -> exists2 n, 0 < n & forall s, M s -> sim c (iter n (fun t => run c t w) s) s.
  move=> W'w.
  have [f ft] : exists f : 'I_n -> 'I_n, forall i, sim c (run c (t i) w) (t (f i)).
    apply: (@fin_all_exists _ (fun=> 'I_n) (fun i j => sim c (run c (t i) w) (t j))) => i.
    have [s Ms si] := hit i; have [j near] := cov_M _ (W'M w s W'w Ms).
    by exists j; apply: sim_trans near; apply: sim_run; apply: sim_sym.
  have f_onto j : exists i, f i == j.
    apply/existsP; apply: contraT; rewrite negb_exists => /forallP f_j.
    case: (fewer j (e ++ w) (W_cat We (W'W w W'w)) t) => s rs; have [i near] := cov s rs.
    exists (f i); first exact: f_j.
    by rewrite run_cat; apply: sim_trans (ft i); apply: sim_run.
  have f_inj : injective f.
    suff /image_injP inj : #|image f predT| == #|'I_n| by move=> i i'; apply: inj.
    by apply/eqP/eq_card => j; have [i /eqP <-] := f_onto j; rewrite image_f.
  exists #[perm f_inj]%g => [|s Ms]; first exact: order_gt0.
  have [i si] := cov_M s Ms.
  have iter_t k : sim c (run c (t i) (repeat k w)) (t (iter k f i)).
    rewrite run_repeat; elim: k => [|k IH] /=; first exact: sim_refl.
    by apply: sim_trans (ft _); apply: sim_run.
  rewrite -run_repeat; apply: sim_trans (sim_run _ si) _; apply: sim_trans (iter_t _) _.
  have -> : iter #[perm f_inj]%g f i = ((perm f_inj) ^+ #[perm f_inj])%g i.
    by rewrite permX; apply: eq_iter => k; rewrite permE.
  by rewrite expg_order perm1; apply: sim_sym.
(* Their values are all of G, so the core applies to them. *)
have val_nil : val [::] = 1%g.
  by have := val_cat W_nil W_nil; rewrite cats0 => /(congr1 (mulg (val [::])^-1)%g); rewrite mulVg mulKg.
have onto' g : g \in G -> exists2 w, W' w & val w = g.
  move=> Gg; have [w Ww valw] := onto (groupM Gg (groupVr (val_in We))).
  by exists (w ++ e); [right; exists w | rewrite val_cat // valw mulgKV].
have still_words g : g \in V G ms -> exists w, [/\ W' w, val w = g & forall s, M s -> sim c (run c s w) s].
  apply: (core _ _ _ val_nil _ tame_c _ _ per onto') => [w /W'W /W_ok // | | u v W'u W'v | u v /W'W Wu /W'W Wv | |].
  - by left.
  - case: W'v W'u => [-> | [v' Wv' ->] W'u]; first by rewrite cats0.
    by right; exists (u ++ v'); [apply: W_cat => //; apply: W'W | rewrite catA].
  - exact: val_cat.
  - by move=> s [r [w ->] ->]; exists (w ++ e); rewrite run_cat.
  - by move=> w s; apply: W'M.
rewrite -subG1; apply/subsetP=> g /still_words [w [/W'W Ww <- still]]; rewrite inE.
have : val (e ++ w) = val e.
  apply: faithful => // [|p]; first exact: W_cat.
  rewrite -!tracked !run_cat; congr (decode _); apply: sim_out; apply: still.
  by exists (run c s0 p) => //; exists p.
by rewrite val_cat // => /(congr1 (mulg (val e)^-1)%g); rewrite mulKg mulVg => ->.
Qed.

End Divisors.

(* The case of a group that is tracked: all words, or those of a kind that still reach every element. *)
Theorem group_tracked S Y (c : stack X S Y) s0 ms (gT : finGroupType) (decode : Y -> gT) tok (G : {group gT}) :
  ok [::] -> (forall u v, ok u -> ok v -> ok (u ++ v)) ->
  tame c ms (reachable c s0) -> finitely_many_classes c s0 -> tracks c s0 decode tok ->
  (forall x, tok x \in G) -> (forall g, g \in G -> exists2 w, ok w & product tok w = g) ->
  V G ms = 1%g :> {set gT}.
Proof.
move=> ok0 ok_cat tame_c fin_c tr tokG onto.
apply: (divisors_of_tracked tame_c fin_c (proj1 (tracks_as_automaton _ _ _ _) tr) _ ok0 ok_cat _ _ onto) => //.
- by move=> u v _ _; apply: product_cat.
- by move=> w _; rewrite /product; apply: group_prod.
- by move=> u v _ _ /(_ [::]); rewrite !product_foldl !mul1g.
Qed.

End Tame.
