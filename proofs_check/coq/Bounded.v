(* Affine maps of one channel that keep a bounded set, over a field where bounded sets are totally bounded.

   Two such maps with the same multiplier of modulus 1 are equal [same_map]: else some words in them would be
   near-translations by different vectors, and at least one of these, repeated, leads far away. Powers of a multiplier
   of modulus below 1 come near 0 [decays].

   The fields: archimedean ones, ordered or algebraically closed, e.g. the rationals and algC. *)

From mathcomp Require Import all_ssreflect all_algebra all_field.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.POrderTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Bounded sets are covered by finitely many balls of any given radius. *)
Definition totally_bounded (F : numFieldType) : Prop :=
  forall K e : F, 0 < e -> exists n (c : 'I_n -> F), forall x, `|x| <= K -> exists i, `|x - c i| < e.

Section OneChannel.

Variable F : numFieldType.
Hypothesis compact : totally_bounded F.
Implicit Types (A B C K x y e q g : F) (P : F -> Prop).

Lemma close_to K e : 0 < e -> exists n (c : 'I_n -> F), forall x, `|x| <= K ->
  exists i, `|x - c i| < e / 2%:R.
Proof. by move=> e0; apply: compact; rewrite divr_gt0 // ltr0n. Qed.

Lemma near x y c e : `|x - c| < e / 2%:R -> `|y - c| < e / 2%:R -> `|x - y| < e.
Proof.
move=> xc yc; apply: le_lt_trans (ler_dist_add c _ _) _.
by rewrite [e](splitr e) ltr_add // distrC.
Qed.

Lemma pigeons K e : 0 < e -> exists N, forall x : nat -> F, (forall i, (i < N)%N -> `|x i| <= K) ->
  exists i j, (i < j)%N /\ `|x i - x j| < e.
Proof.
move=> e0; have [n [c cov]] := close_to K e0; exists n.+1 => x xK.
have [f fP] := @fin_all_exists _ (fun=> 'I_n) (fun (k : 'I_n.+1) i => `|x k - c i| < e / 2%:R)
  (fun k => cov _ (xK k (ltn_ord k))).
have : ~~ injectiveb f.
  by apply/negP => /injectiveP /leq_card; rewrite !card_ord ltnn.
case/injectivePn => i [j ij fij].
have close : `|x i - x j| < e by apply: near (fP i) _; rewrite fij.
have [lt | lt | /val_inj eq_ij] := ltngtP i j.
- by exists i, j.
- by exists j, i; rewrite distrC.
- by rewrite eq_ij eqxx in ij.
Qed.

Lemma archimedes K : 0 <= K -> exists n : nat, K < n%:R.
Proof.
move=> K0; have [N pigeon] := pigeons K (@ltr01 F).
have [/existsP[i Ki] | /existsPn small] := boolP [exists i : 'I_N, K < i%:R]; first by exists i.
have [|i [j [ij]]] := pigeon (fun i => i%:R).
  move=> i iN; rewrite normr_nat; have := small (Ordinal iN).
  by rewrite real_ltNge ?negbK ?ger0_real ?ler0n.
by rewrite distrC -natrB ?(ltnW ij) // normr_nat ltrn1 ltnS leqn0 subn_eq0 leqNgt ij.
Qed.

(* Powers of a number of modulus 1 come back to 1, nearly. *)
Lemma comes_back A e : `|A| = 1 -> 0 < e -> exists2 n, (0 < n)%N & `|A ^+ n - 1| < e.
Proof.
move=> A1 e0; have [N /(_ (fun i => A ^+ i))] := pigeons 1 e0.
case=> [i _ | i [j [ij close]]]; first by rewrite normrX A1 expr1n.
exists (j - i)%N; first by rewrite subn_gt0.
move: close; rewrite distrC -[in X in X - _](subnKC (ltnW ij)) exprD -[X in _ - X]mulr1 -mulrBr.
by rewrite normrM normrX A1 expr1n mul1r.
Qed.

Lemma bernoulli q n : 0 <= q -> q <= 1 -> q ^+ n * (1 + (1 - q) *+ n) <= 1.
Proof.
move=> q0 q1; elim: n => [|n IH]; first by rewrite expr0 mulr0n addr0 mul1r.
rewrite mulrS addrCA mulrDr addrC exprS -mulrA; apply: (@le_trans _ _ (q * 1 + 1 * (1 - q))).
  apply: ler_add; first exact: ler_wpmul2l.
  by apply: ler_wpmul2r; rewrite ?subr_ge0 // -exprS exprn_ile1.
by rewrite mulr1 mul1r addrC subrK.
Qed.

(* Powers of a number of smaller modulus come near 0. *)
Lemma decays A K e : `|A| < 1 -> 0 <= K -> 0 < e -> exists n, `|A| ^+ n * K < e.
Proof.
move=> A1 K0 e0; have [A0 | A_n0] := eqVneq A 0; first by exists 1%N; rewrite A0 normr0 mul0r.
have q0 : 0 < `|A| by rewrite normr_gt0.
have d0 : 0 < 1 - `|A| by rewrite subr_gt0.
have [n large] := archimedes (divr_ge0 K0 (ltW (mulr_gt0 d0 e0))).
exists n; move: large; rewrite ltr_pdivr_mulr ?mulr_gt0 // mulrA [_%:R * _]mulr_natl => large.
have {}large : K < (1 + (1 - `|A|) *+ n) * e by rewrite mulrDl mul1r ltr_paddl ?ltW.
apply: lt_le_trans (_ : `|A| ^+ n * ((1 + (1 - `|A|) *+ n) * e) <= e).
  by rewrite ltr_pmul2l ?exprn_gt0.
by rewrite mulrA ger_pmull // bernoulli // ltW.
Qed.

(* A map that is nearly a translation, and keeps a bounded set, translates little. *)
Lemma drift P K e A B x : (forall y, P y -> `|y| <= K) -> (forall y, P y -> P (A * y + B)) -> `|A - 1| <= e -> P x ->
  forall n, `|B| *+ n <= K *+ 2 + (e * K) *+ n.
Proof.
move=> PK PA Ae Px n.
have [y Py yn] : exists2 y, P y & `|y - x - B *+ n| <= (e * K) *+ n.
  elim: n => [|n [y Py yn]]; first by exists x; rewrite // !mulr0n subr0 subrr normr0.
  exists (A * y + B); first exact: PA.
  have -> : A * y + B - x - B *+ n.+1 = (A - 1) * y + (y - x - B *+ n).
    rewrite mulrBl mul1r mulrSr opprD !addrA subrK -!addrA; congr (_ + _).
    by rewrite addrC !addrA subrK.
  rewrite mulrS; apply: le_trans (ler_norm_add _ _) _; apply: ler_add => //.
  by rewrite normrM ler_pmul // PK.
have -> : `|B| *+ n = `|y - x - (y - x - B *+ n)| by rewrite opprB addrC subrK normrMn.
apply: le_trans (ler_norm_sub _ _) _; rewrite mulr2n ler_add //.
by apply: le_trans (ler_norm_sub _ _) _; rewrite ler_add // PK.
Qed.

Lemma iter_form A B n : exists C, forall x, iter n (fun x => A * x + B) x = A ^+ n * x + C.
Proof.
elim: n => [|n [C IH]]; first by exists 0 => x; rewrite expr0 mul1r addr0.
by exists (A * C + B) => x; rewrite iterS IH mulrDr mulrA exprS addrA.
Qed.

(* Two maps with the same multiplier of modulus 1 that keep a bounded set are equal. *)
Lemma same_map P K A B C x : (forall y, P y -> `|y| <= K) -> P x -> `|A| = 1 ->
  (forall y, P y -> P (A * y + B)) -> (forall y, P y -> P (A * y + C)) -> B = C.
Proof.
move=> PK Px A1 PB PC; apply/eqP; rewrite -subr_eq0 -normr_eq0; apply: contraT => g_n0.
set g := `|B - C| in g_n0; have g0 : 0 < g by rewrite lt_def g_n0 normr_ge0.
have K0 : 0 <= K := le_trans (normr_ge0 x) (PK x Px).
have [e e0 eK] : exists2 e, 0 < e & e * (K + 1) = g / 2%:R / 2%:R.
  have K1 : 0 < K + 1 := ltr_spaddr ltr01 K0.
  by exists (g / 2%:R / 2%:R / (K + 1)); rewrite ?divr_gt0 ?ltr0n // divfK // gt_eqF.
have [[|n] // _ /ltW near1] := comes_back A1 e0.
have [E iterE] := iter_form A B n.
have P_iter y : P y -> P (A ^+ n * y + E) by rewrite -iterE => Py; elim: n {iterE near1} => //= n; apply: PB.
have keeps D : (forall y, P y -> P (A * y + D)) -> forall y, P y -> P (A ^+ n.+1 * y + (A ^+ n * D + E)).
  by move=> PD y Py; rewrite exprSr -mulrA addrA -mulrDr; apply/P_iter/PD.
have PK1 y : P y -> `|y| <= K + 1 by move/PK => yK; apply: ler_paddr yK; apply: ler01.
have drifts D : (forall y, P y -> P (A * y + D)) -> forall k,
    `|A ^+ n * D + E| *+ k <= (K + 1) *+ 2 + (g / 2%:R / 2%:R) *+ k.
  by move=> PD k; rewrite -eK; apply: (drift PK1 (keeps D PD) near1 Px).
have total k : (g / 2%:R) *+ k <= (K + 1) *+ 4.
  rewrite -(ler_add2r ((g / 2%:R) *+ k)) -mulrnDl -splitr.
  have gE : g = `|(A ^+ n * B + E) - (A ^+ n * C + E)|.
    by rewrite opprD addrACA subrr addr0 -mulrBr normrM normrX A1 expr1n mul1r.
  rewrite [X in X *+ k <= _]gE; apply: le_trans (ler_wmuln2r k (ler_norm_sub _ _)) _; rewrite mulrnDl.
  apply: le_trans (ler_add (drifts B PB k) (drifts C PC k)) _.
  by rewrite addrACA -mulrnDr -mulrnDl -splitr.
have g2 : 0 < g / 2%:R by rewrite divr_gt0 ?ltr0n.
have [k large] := archimedes (divr_ge0 (mulrn_wge0 4 (ler_paddr (@ler01 F) K0)) (ltW g2)).
by move: large; rewrite ltr_pdivr_mulr // mulr_natl => /lt_le_trans /(_ (total k)); rewrite ltxx.
Qed.

End OneChannel.

(* Fields in which bounded sets are totally bounded: the archimedean ones, real or closed. *)
Section Fields.

Lemma real_grid (F : numFieldType) (K e : F) : Num.archimedean_axiom F -> 0 < e ->
  exists n (c : 'I_n -> F), forall x, x \is Num.real -> `|x| <= K -> exists i, `|x - c i| < e.
Proof.
move=> archi e0; have [n big] := archi ((K + K) / e).
exists n, (fun i => e *+ i - K) => x Rx xK.
have K0 : 0 <= K := le_trans (normr_ge0 x) xK.
have RK := ger0_real K0.
move: big; rewrite ger0_norm ?divr_ge0 ?addr_ge0 ?(ltW e0) // ltr_pdivr_mulr // mulr_natl => big.
move: xK; rewrite real_ler_norml // => /andP[lo hi].
have y0 : 0 <= x + K by rewrite -ler_subl_addr sub0r.
have {big} : x + K < e *+ n by apply: le_lt_trans big; rewrite ler_add2r.
elim: n => [|n IH] big; first by have := le_lt_trans y0 big; rewrite mulr0n ltxx.
have [small | large] := real_ltP (ger0_real y0) (ger0_real (mulrn_wge0 n (ltW e0))).
  by have [i xi] := IH small; exists (widen_ord (leqnSn n) i).
exists ord_max; rewrite opprB addrA ger0_norm ?subr_ge0 //=.
by rewrite ltr_subl_addl -mulrSr.
Qed.

Theorem real_totally_bounded (R : archiFieldType) : totally_bounded R.
Proof.
move=> K e e0.
have archi : Num.archimedean_axiom R by move=> x; exists (Num.bound `|x|); apply: archi_boundP.
have [n [c cov]] := real_grid K archi e0.
by exists n, c => x; apply: cov; apply: num_real.
Qed.

Theorem closed_totally_bounded (C : numClosedFieldType) : Num.archimedean_axiom C -> totally_bounded C.
Proof.
move=> archi K e e0; have e2 : 0 < e / 2%:R by rewrite divr_gt0 ?ltr0n.
have [n [c cov]] := real_grid K archi e2.
exists #|[finType of 'I_n * 'I_n]|, (fun k => c (enum_val k).1 + 'i * c (enum_val k).2) => x xK.
have [|i xi] := cov ('Re x) (Creal_Re x); first exact: le_trans (leif_normC_Re_Creal x) xK.
have [|j xj] := cov ('Im x) (Creal_Im x).
  by rewrite -normrN -ReMil; apply: le_trans (leif_normC_Re_Creal _) _; rewrite normrM normCi mul1r.
exists (enum_rank (i, j)); rewrite enum_rankK /= {1}[x]Crect opprD addrACA -mulrBr.
apply: le_lt_trans (ler_norm_add _ _) _; rewrite normrM normCi mul1r [e]splitr.
exact: ltr_add.
Qed.

Theorem algC_totally_bounded : totally_bounded [numFieldType of algC].
Proof.
apply: closed_totally_bounded => x; exists (truncC `|x|).+1.
by have /andP[] := truncC_itv (normr_ge0 x).
Qed.

End Fields.
