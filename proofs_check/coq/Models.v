(* Diagonal state-space models in exact arithmetic with finitely many reachable states.

   Layer: h <- a * h + b, channel by channel, over any numeric field F (a field with an absolute value, of characteristic
   0; algC and every subfield of the complex numbers). The number of channels is any; a and b are ANY functions of the
   states of the lower layers and the token; |a| is arbitrary, also 0 and also above 1.

   Hypothesis, beside the kinds of the multipliers below: the states that can be reached from the initial one are finite in
   number. That is what "finite precision" is taken to mean. Any decoder will do.

   Kinds of layers:
     Moving m : 0 <= a^m for every multiplier that occurs. m = 0: no condition (AUSSM); m = 1: a >= 0 (Mamba);
                m = 2: a is real (Negative Mamba).
     Fixed    : a is one and the same for all tokens and lower states (S4D), of any modulus. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra commutator.
From Subnormal Require Import Exponents Stack Necessity.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section OneChannel.

Variable F : numFieldType.
Implicit Types A B x : F.

Lemma iter_affine A B c x n : B = c - A * c -> iter n (fun x => A * x + B) x = A ^+ n * (x - c) + c.
Proof.
move=> ->; elim: n => [|n IH] /=; first by rewrite expr0 mul1r subrK.
by rewrite IH mulrDr mulrA -exprS -addrA [X in _ + X]addrC subrK.
Qed.

(* Where an affine map returns a point after some n > 0 steps, its m-th power fixes it, if the multiplier has order m
   whenever it has finite order. *)
Lemma affine_power A B x m n : (0 < n)%N -> iter n (fun x => A * x + B) x = x ->
  (forall k, (0 < k)%N -> A ^+ k = 1 -> A ^+ m = 1) -> iter m (fun x => A * x + B) x = x.
Proof.
move=> n0 per root; have [A1 | A1] := eqVneq A 1.
  have shift k : iter k (fun x => A * x + B) x = x + B *+ k.
    by elim: k => [|k IH] /=; rewrite ?mulr0n ?addr0 // IH A1 mul1r -addrA -mulrSr.
  have /eqP : B *+ n = 0 by apply: (addrI x); rewrite addr0 -shift.
  rewrite mulrn_eq0 -[n == 0%N]negbK -lt0n n0 /= => /eqP B0.
  by rewrite shift B0 mul0rn addr0.
pose c := B / (1 - A); have Bc : B = c - A * c.
  by rewrite -{1}[c]mul1r -mulrBl mulrC divfK // subr_eq0 eq_sym.
move: per; rewrite !(iter_affine _ _ Bc) => per.
have [-> | xc] := eqVneq x c; first by rewrite subrr mulr0 add0r.
rewrite (root n n0) ?mul1r ?subrK //.
by apply: (@mulIf _ (x - c)); rewrite ?subr_eq0 // mul1r -{2}per addrK.
Qed.

Lemma root_of_nonneg A m k : 0 <= A ^+ m -> (0 < k)%N -> A ^+ k = 1 -> A ^+ m = 1.
Proof.
by move=> Am k0 Ak; apply/eqP; rewrite -(pexpr_eq1 k0 Am) -exprM mulnC exprM Ak expr1n.
Qed.

End OneChannel.

Section Models.

Variables (F : numFieldType) (X : Type).

(* One step of d channels. *)
Definition affine Y d (a b : Y -> X -> {ffun 'I_d -> F}) (y : Y) (x : X) (h : {ffun 'I_d -> F}) : {ffun 'I_d -> F} :=
  [ffun i => a y x i * h i + b y x i].

Inductive model : Type -> Type :=
| Input : model unit
| Affine S (lower : model S) d (a b : S -> X -> {ffun 'I_d -> F}) : model (S * {ffun 'I_d -> F}).

Fixpoint mstep S (M : model S) : S -> X -> S :=
  match M with
  | Input => fun s _ => s
  | Affine _ lower _ a b => fun s x => (mstep lower s.1 x, affine a b s.1 x s.2)
  end.

Definition mrun S (M : model S) (s : S) (w : seq X) : S := foldl (mstep M) s w.

Definition mtracks S (M : model S) (s0 : S) (gT : finGroupType) (decode : S -> gT) (tok : X -> gT) : Prop :=
  forall w, decode (mrun M s0 w) = product tok w.

Definition finitely_many_states S (M : model S) (s0 : S) : Prop :=
  exists n (t : 'I_n -> S), forall w, exists i, mrun M s0 w = t i.

Inductive kind := Moving of nat | Fixed.

Definition exponent_of (k : kind) : nat := if k is Moving m then m else 1%N.

Definition of_kind d S (a : S -> X -> {ffun 'I_d -> F}) (k : kind) : Prop :=
  match k with
  | Moving m => forall s x i, 0 <= a s x i ^+ m
  | Fixed => exists alpha, forall s x, a s x = alpha
  end.

(* The kinds of the layers, from the top layer down. *)
Fixpoint kinds S (M : model S) (ks : seq kind) : Prop :=
  match M, ks with
  | Input, [::] => True
  | Affine _ lower _ a _, k :: ks' => kinds lower ks' /\ of_kind a k
  | _, _ => False
  end.

Definition multipliers S (M : model S) (ms : seq nat) : Prop := kinds M [seq Moving m | m <- ms].

Fixpoint mlayers S (M : model S) : nat := if M is Affine _ lower _ _ _ then (mlayers lower).+1 else 0%N.

Lemma multipliers_any S (M : model S) : multipliers M (nseq (mlayers M) 0%N).
Proof. by rewrite /multipliers; elim: S / M => //= S M IH d a b; split=> // s x i; rewrite expr0 ler01. Qed.

(* The stack of such a model; its layers show all of their state. *)
Fixpoint mstack S (M : model S) : stack X S S :=
  match M with
  | Input => Bottom X
  | Affine _ lower _ a b => Over (mstack lower) (affine a b) (fun _ h => h)
  end.

Lemma out_mstack S (M : model S) s : out (mstack M) s = s.
Proof. by elim: S / M s => [|S M IH d a b] //= [s h] /=; rewrite IH. Qed.

Lemma step_mstack S (M : model S) s x : step (mstack M) s x = mstep M s x.
Proof. by elim: S / M s => [|S M IH d a b] //= [s h] /=; rewrite IH out_mstack. Qed.

Lemma run_mstack S (M : model S) s w : run (mstack M) s w = mrun M s w.
Proof. by rewrite /run /mrun; elim: w s => //= x w IH s; rewrite step_mstack IH. Qed.

(* What words do to a layer: affine maps, their multipliers among those that T allows for the word's length. *)
Lemma acts_affine d S Y (lower : stack X S Y) (a b : Y -> X -> {ffun 'I_d -> F}) (T : nat -> 'I_d -> F -> Prop) :
  (forall i, T 0%N i 1) -> (forall n i A y x, T n i A -> T n.+1 i (A * a y x i)) ->
  forall s w, exists A B : {ffun 'I_d -> F}, (forall i, T (size w) i (A i)) /\
    forall h, acts lower (affine a b) s w h = [ffun i => A i * h i + B i].
Proof.
move=> T0 TS s w; elim: w s => [|x w IH] s /=.
  exists [ffun=> 1], [ffun=> 0]; split=> [i | h]; first by rewrite ffunE.
  by apply/ffunP=> i; rewrite !ffunE mul1r addr0.
have [A [B [TA AB]]] := IH (step lower s x); set y := out lower s.
exists [ffun i => A i * a y x i], [ffun i => A i * b y x i + B i]; split=> [i | h].
  by rewrite ffunE; apply: TS.
by rewrite AB; apply/ffunP=> j; rewrite !ffunE mulrDr mulrA addrA.
Qed.

Section Tame.

Variables (S : Type) (M : model S) (d : nat) (a b : S -> X -> {ffun 'I_d -> F}).
Let act := affine a b.

Lemma alike_eq s h g : alike (mstack M) act (fun _ h => h) s h g -> h = g.
Proof. by move/(_ [::]) => -[]. Qed.

Lemma enumerate (T : eqType) (e : bool) (l : seq T) (P : T -> Prop) :
  (forall h, P h -> h \in l) -> ((exists2 L, uniq L & forall h, (h \in L) <-> P h) -> e) -> e.
Proof.
move=> Pl next; suff fin : forall k : seq T, ((exists2 L, uniq L & forall h, (h \in L) <-> P h /\ h \in k) -> e) -> e.
  apply: (fin l) => -[L uL LP]; apply: next; exists L => // h.
  by rewrite LP; split=> [[] // | Ph]; split=> //; apply: Pl.
elim=> [|x k IH] H; first by apply: H; exists [::] => // h; split=> [// | []].
apply: IH => -[L uL LP]; have [xk | xk] := boolP (x \in k).
  by apply: H; exists L => // h; rewrite LP inE; split=> [[Ph ->] | [Ph /orP [/eqP hx | ->]]]; rewrite ?orbT // hx; split=> //; rewrite -hx.
apply: (@by_cases e (P x)) => -[Px | nPx]; apply: H.
  exists (x :: L) => [|h] /=; first by rewrite uL andbT; apply/negP=> /LP [_]; apply/negP.
  rewrite !inE; split=> [/orP [/eqP -> | /LP [Ph ->]] | [Ph /orP [-> // | hk]]]; rewrite ?eqxx ?orbT //.
  by apply/orP; right; apply/LP.
exists L => // h; rewrite LP inE; split=> -[Ph]; first by move=> ->; rewrite orbT.
by case/orP=> [/eqP hx | //]; case: nPx; rewrite -hx.
Qed.

(* Maps of a finite set to itself that return keep the sum over it. *)
Lemma sum_kept (L : seq {ffun 'I_d -> F}) f i : uniq L -> {in L, forall h, f h \in L} ->
  (exists2 n, (0 < n)%N & {in L, forall h, iter n f h = h}) -> \sum_(h <- L) f h i = \sum_(h <- L) h i.
Proof.
move=> uL fL [n n0 per]; rewrite -[LHS](big_map f predT (fun h : {ffun 'I_d -> F} => h i)); apply: perm_big.
have f_inj : {in L &, injective f}.
  move=> h g Lh Lg fhg; rewrite -(per h Lh) -(per g Lg) -(prednK n0) !iterSr fhg //.
have ufL : uniq (map f L) by rewrite map_inj_in_uniq.
have sub : {subset map f L <= L} by move=> _ /mapP[h Lh ->]; apply: fL.
have [|_ same] := uniq_min_size ufL sub; first by rewrite size_map.
exact: uniq_perm.
Qed.

Lemma tame_affine (ok : seq X -> Prop) m (R : S * {ffun 'I_d -> F} -> Prop) n (t : 'I_n -> S * {ffun 'I_d -> F}) :
  (forall s, R s -> exists i, s = t i) ->
  (forall s w, ok w -> exists A B : {ffun 'I_d -> F},
    (forall i k, (0 < k)%N -> A i ^+ k = 1 -> A i ^+ m = 1) /\
    forall h, acts (mstack M) act s w h = [ffun i => A i * h i + B i]) ->
  tame_layer ok m (mstack M) act (fun _ h => h) R.
Proof.
move=> Rt aff s u v P f g oku okv us vs Preach Pf Pg [nf nf0 perf] [ng ng0 perg] h Ph.
have [A [B [rootA fAB]]] := aff s u oku; have [A' [B' [_ gAB]]] := aff s v okv.
rewrite -/f in fAB; rewrite -/g in gAB.
have {}perf k : P k -> iter nf f k = k by move=> /perf /alike_eq.
have {}perg k : P k -> iter ng g k = k by move=> /perg /alike_eq.
split; last first.
  suff -> : iter m f h = h by apply: sim_refl.
  have iter_i k i : iter k f h i = iter k (fun x => A i * x + B i) (h i).
    by elim: k => //= k IH; rewrite fAB ffunE IH.
  apply/ffunP=> i; rewrite iter_i; apply: affine_power nf0 _ (rootA i).
  by rewrite -iter_i perf.
suff -> : f (g h) = g (f h) by apply: sim_refl.
apply/ffunP=> i; apply/eqP.
apply: (@enumerate _ _ [seq (t j).2 | j <- enum 'I_n] P) => [k /Preach [r /Rt [j rkj] _] | [L uL LP]].
  by apply/mapP; exists j; rewrite ?mem_enum // -rkj.
have fL : {in L, forall k, f k \in L} by move=> k /LP /Pf /LP.
have gL : {in L, forall k, g k \in L} by move=> k /LP /Pg /LP.
have sum_f : \sum_(k <- L) f k i = \sum_(k <- L) k i.
  by apply: sum_kept => //; exists nf => // k /LP /perf.
have sum_g : \sum_(k <- L) g k i = \sum_(k <- L) k i.
  by apply: sum_kept => //; exists ng => // k /LP /perg.
have sum_fg (p q : {ffun 'I_d -> F} -> {ffun 'I_d -> F}) (C E : {ffun 'I_d -> F}) :
    (forall k, p k = [ffun i => C i * k i + E i]) -> \sum_(k <- L) p k i = \sum_(k <- L) k i ->
    \sum_(k <- L) q k i = \sum_(k <- L) k i -> \sum_(k <- L) p (q k) i = \sum_(k <- L) k i.
  move=> pCE sum_p sum_q; rewrite -{}sum_p.
  transitivity (\sum_(k <- L) (C i * q k i + E i)); first by apply: eq_bigr => k _; rewrite pCE ffunE.
  rewrite big_split /= -mulr_sumr sum_q mulr_sumr -big_split /=.
  by apply: eq_bigr => k _; rewrite pCE ffunE.
rewrite -subr_eq0.
have const k : f (g k) i - g (f k) i = f (g h) i - g (f h) i.
  have cancel (p q r : F) : p + q - (p + r) = q - r by rewrite opprD addrACA subrr add0r.
  have const x : A i * (A' i * x + B' i) + B i - (A' i * (A i * x + B i) + B' i) = A i * B' i + B i - (A' i * B i + B' i).
    rewrite !mulrDr !mulrA [A' i * A i]mulrC -(addrA _ _ (B i)) -(addrA _ _ (B' i)).
    exact: cancel.
  by rewrite !fAB !gAB !ffunE !const.
have : \sum_(k <- L) (f (g k) i - g (f k) i) == 0.
  by rewrite sumrB (sum_fg f g A B) ?(sum_fg g f A' B') ?subrr.
rewrite (eq_bigr (fun=> f (g h) i - g (f h) i)) => [|k _]; last exact: const.
rewrite big_const_seq count_predT iter_addr_0 mulrn_eq0 => /orP [|//].
by rewrite size_eq0 => /eqP L0; have := proj2 (LP h) Ph; rewrite L0.
Qed.

End Tame.

(* N is a multiple of the order of every multiplier of a Fixed layer that is a root of unity. *)
Fixpoint common_order N S (M : model S) (ks : seq kind) : Prop :=
  match M, ks with
  | Affine _ lower d a _, k :: ks' => common_order N lower ks' /\
      (if k is Fixed then forall s x i n, (0 < n)%N -> a s x i ^+ n = 1 -> a s x i ^+ N = 1 else True)
  | _, _ => True
  end.

Lemma common_order_mul N N' S (M : model S) ks : common_order N M ks -> common_order (N * N') M ks.
Proof.
elim: S / M ks => [|S M IH d a b] [|k ks] //= [/IH lower top]; split=> //.
by case: k top => // root s x i n n0 an; rewrite exprM (root s x i n) ?expr1n.
Qed.

Lemma common_order_exists (e : bool) S (M : model S) ks :
  kinds M ks -> ((exists2 N, (0 < N)%N & common_order N M ks) -> e) -> e.
Proof.
elim: S / M ks => [|S M IH d a b] [|k ks] //=; try by move=> _; apply; exists 1%N.
case=> /IH lower; case: k => [m _ | [alpha Alpha]] next; apply: lower => -[N N0 cN].
  by apply: next; exists N.
apply: (@for_each e d (fun i => exists2 n, (0 < n)%N & forall k, (0 < k)%N -> alpha i ^+ k = 1 -> alpha i ^+ n = 1)).
  move=> i nexti; apply: (@by_cases e (exists2 k, (0 < k)%N & alpha i ^+ k = 1)) => -[[k k0 ak] | none].
    by apply: nexti; exists k.
  by apply: nexti; exists 1%N => // k k0 ak; case: none; exists k.
move=> each; have [f f0 f_root] := @fin_all_exists2 _ (fun=> nat) _ _ each.
apply: next; exists (N * \prod_i f i)%N; first by rewrite muln_gt0 N0 prodn_gt0.
split; first exact: common_order_mul.
move=> s x i n n0; rewrite Alpha (bigD1 i) //= mulnCA exprM => an.
by rewrite (f_root i n n0 an) expr1n.
Qed.

Lemma mulr_ge0X m (A B : F) : 0 <= A ^+ m -> 0 <= B ^+ m -> 0 <= (A * B) ^+ m.
Proof. by move=> A0 B0; rewrite exprMn mulr_ge0. Qed.

Lemma tame_model (ok : seq X -> Prop) N S (M : model S) ks (R : S -> Prop) n (t : 'I_n -> S) :
  (forall w, ok w -> (N %| size w)%N) -> kinds M ks -> common_order N M ks ->
  (forall s, R s -> exists i, s = t i) -> tame ok (mstack M) [seq exponent_of k | k <- ks] R.
Proof.
move=> okN; elim: S / M ks R t => [|S M IH d a b] [|k ks] //= R t [kM ka] [oM oa] Rt; split.
  by apply: (IH ks _ (fun i => (t i).1)) => // s [h /Rt [i sht]]; exists i; rewrite -sht.
apply: tame_affine Rt _ => s w okw; case: k ka oa => [m am _ | [alpha Alpha] oa] /=.
  have [||A [B [TA AB]]] := @acts_affine _ _ _ (mstack M) a b (fun _ _ A => 0 <= A ^+ m) _ _ s w.
  - by move=> _; rewrite expr1n ler01.
  - by move=> _ i A y x TA; apply: mulr_ge0X.
  by exists A, B; split=> // i k; apply: root_of_nonneg (TA i).
have [||A [B [TA AB]]] := @acts_affine _ _ _ (mstack M) a b (fun l i A => A = alpha i ^+ l) _ _ s w.
- by move=> i; rewrite expr0.
- by move=> l i A y x ->; rewrite Alpha exprSr.
exists A, B; split=> // i k k0; rewrite TA expr1 -exprM => ak.
case: w okw {TA AB} ak => [|x w] okw ak; first by rewrite expr0.
have /dvdnP[q ->] := okN _ okw.
rewrite mulnC exprM -(Alpha s x) (oa s x i (size (x :: w) * k)%N) ?expr1n ?Alpha //.
by rewrite muln_gt0 k0.
Qed.

Lemma no_common_order S (M : model S) ms : common_order 1 M [seq Moving m | m <- ms].
Proof. by elim: S / M ms => [|S M IH d a b] [|m ms] //=. Qed.

Section Theorems.

Variables (S : Type) (M : model S) (s0 : S).
Hypothesis finite : finitely_many_states M s0.

Lemma finite_states : exists n (t : 'I_n -> S), forall s, reachable (mstack M) s0 s -> exists i, s = t i.
Proof.
by have [n [t Rt]] := finite; exists n, t => _ [w ->]; rewrite run_mstack; apply: Rt.
Qed.

Lemma finite_model_classes : finitely_many_classes (mstack M) s0.
Proof.
have [n [t Rt]] := finite_states; exists n, t => s /Rt [i ->]; exists i; exact: sim_refl.
Qed.

Lemma tame_multipliers ms : multipliers M ms -> tame (fun=> True) (mstack M) ms (reachable (mstack M) s0).
Proof.
move=> kM; have [n [t Rt]] := finite_states.
have := @tame_model (fun=> True) 1 S M _ _ n t (fun w _ => dvd1n _) kM (no_common_order M ms) Rt.
by rewrite -map_comp (eq_map (f2 := id)) ?map_id.
Qed.

Variables (gT : finGroupType) (decode : S -> gT) (tok : X -> gT).
Hypothesis tracked : mtracks M s0 decode tok.

Let tracked_stack : tracks (mstack M) s0 decode tok.
Proof. by move=> w; rewrite out_mstack run_mstack. Qed.

(* Layers of Moving kinds, e.g. stacks of AUSSM, Negative Mamba and Mamba layers. *)
Theorem model_necessity ms (G : {group gT}) :
  multipliers M ms -> generated_by tok G -> V G ms = 1%g :> {set gT}.
Proof.
move=> kM [tokG onto].
apply: (group_tracked _ _ (tame_multipliers kM) finite_model_classes tracked_stack tokG) => //.
by move=> g /onto [w]; exists w.
Qed.

(* Any diagonal layers at all: with k of them, the k-th derived subgroup is trivial. *)
Theorem model_depth (G : {group gT}) : generated_by tok G -> (G^`(mlayers M) = 1)%g.
Proof. by move=> gen; rewrite -V_derived; apply: model_necessity gen; apply: multipliers_any. Qed.

(* Mixtures with Fixed layers (S4D), where some token is the identity: a Fixed layer is of no more use than Mamba's. *)
Theorem model_mixture ks (G : {group gT}) e :
  kinds M ks -> generated_by tok G -> tok e = 1%g -> V G [seq exponent_of k | k <- ks] = 1%g :> {set gT}.
Proof.
move=> kM [tokG onto] toke; apply/eqP; apply: (common_order_exists kM) => -[N N0 oN]; apply/eqP.
have [n [t Rt]] := finite_states; pose ok (w : seq X) := (N %| size w)%N : Prop.
have tame_M : tame ok (mstack M) [seq exponent_of k | k <- ks] (reachable (mstack M) s0).
  by apply: (@tame_model ok N _ _ _ _ n t _ kM oN Rt).
apply: (group_tracked _ _ tame_M finite_model_classes tracked_stack tokG); rewrite /ok ?dvdn0 //.
  by move=> u v; rewrite size_cat; apply: dvdn_add.
move=> g /onto [w <-]; exists (nseq (size w * N.-1)%N e ++ w).
  by rewrite size_cat size_nseq addnC -mulnS prednK // dvdn_mull.
rewrite product_cat; suff -> : product tok (nseq (size w * N.-1)%N e) = 1%g by rewrite mul1g.
by rewrite /product big_nseq; elim: (_ * _)%N => //= k ->; rewrite toke mulg1.
Qed.

(* Mixtures of Mamba and S4D layers, whatever the alphabet: all tokens have the same value. (A Fixed layer with a = -1 does
   track the group of two elements over an alphabet of one token.) *)
Theorem mamba_s4d ks : kinds M ks -> all (fun k => exponent_of k == 1%N) ks -> forall x y, tok x = tok y.
Proof.
move=> kM ones x y; apply/eqP; apply: (common_order_exists kM) => -[N N0 oN]; apply/eqP.
have [n [t Rt]] := finite_states; pose ok (w : seq X) := (N %| size w)%N : Prop.
have tame_M : tame ok (mstack M) [seq exponent_of k | k <- ks] (reachable (mstack M) s0).
  by apply: (@tame_model ok N _ _ _ _ n t _ kM oN Rt).
have trivial p : ok p -> product tok p = 1%g.
  move=> okp; apply/eqP; rewrite -cycle_eq1; apply/eqP.
  rewrite -[LHS](@V_all_ones _ _ [seq exponent_of k | k <- ks]); last by rewrite all_map.
  apply: (divisors_of_tracked tame_M finite_model_classes (proj1 (tracks_as_automaton _ _ _ _) tracked_stack)
    (W := fun w => exists k, w = repeat k p) (val := product tok)).
  - by move=> _ [k ->]; rewrite /ok; elim: k => //= k IH; rewrite size_cat dvdn_add.
  - by exists 0%N.
  - by move=> _ _ [k ->] [l ->]; exists (k + l)%N; rewrite repeat_add.
  - by move=> u v _ _; apply: product_cat.
  - by move=> _ [k ->]; apply/cycleP; exists k; rewrite product_repeat.
  - by move=> _ /cycleP [k ->]; exists (repeat k p); [exists k | rewrite product_repeat].
  - by move=> u v _ _ /(_ [::]); rewrite !product_foldl !mul1g.
have value z : (tok z * product tok (nseq N.-1 x))%g = 1%g.
  by rewrite -(trivial (z :: nseq N.-1 x)) ?/ok /= ?size_nseq ?prednK // /product big_cons.
by apply: (mulIg (product tok (nseq N.-1 x))); rewrite !value.
Qed.

End Theorems.

(* Layers that read the lower ones after the token: [mafter M] has the functions a and b of M, evaluated there. *)
Fixpoint mafter S (M : model S) : model S :=
  match M with
  | Input => Input
  | Affine _ lower _ a b =>
      Affine (mafter lower) (fun s x => a (mstep (mafter lower) s x) x) (fun s x => b (mstep (mafter lower) s x) x)
  end.

Lemma kinds_after S (M : model S) ks : kinds M ks -> kinds (mafter M) ks.
Proof.
elim: S / M ks => [|S M IH d a b] [|k ks] //= [/IH kM ka]; split=> //.
by case: k ka => [m am s x i | [alpha Alpha]]; [apply: am | exists alpha => s x; apply: Alpha].
Qed.

Theorem after_necessity S (M : model S) s0 (gT : finGroupType) (decode : S -> gT) tok ms (G : {group gT}) :
  finitely_many_states (mafter M) s0 -> mtracks (mafter M) s0 decode tok ->
  multipliers M ms -> generated_by tok G -> V G ms = 1%g :> {set gT}.
Proof. by move=> fin tr /kinds_after kM; apply: (model_necessity fin tr). Qed.

(* The families of the toolkit. *)
Definition every_multiplier (P : F -> Prop) S (M : model S) : Prop :=
  (fix every S (M : model S) := match M with
   | Input => True
   | Affine _ lower _ a _ => every _ lower /\ forall s x i, P (a s x i)
   end) S M.

Lemma multipliers_every (P : F -> Prop) m S (M : model S) :
  (forall z, P z -> 0 <= z ^+ m) -> every_multiplier P M -> multipliers M (nseq (mlayers M) m).
Proof.
move=> Pm; rewrite /multipliers; elim: S / M => //= S M IH d a b [/IH ? top]; split=> // s x i; exact/Pm/top.
Qed.

Definition mamba (z : F) : Prop := 0 <= z <= 1.
Definition negative_mamba (z : F) : Prop := -1 <= z <= 1.
Definition aussm (z : F) : Prop := `|z| = 1.

Lemma multipliers_mamba S (M : model S) : every_multiplier mamba M -> multipliers M (nseq (mlayers M) 1%N).
Proof. by apply: multipliers_every => z /andP[z0 _]; rewrite expr1. Qed.

Lemma multipliers_negative_mamba S (M : model S) :
  every_multiplier negative_mamba M -> multipliers M (nseq (mlayers M) 2%N).
Proof.
apply: multipliers_every => z /andP[z1 _]; rewrite -realEsqr.
have z1r : z + 1 \is Num.real by rewrite ger0_real // -[1]opprK subr_ge0.
by rewrite -(addrK 1 z) rpredB ?rpred1.
Qed.

End Models.
