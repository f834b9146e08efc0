(* Real 2x2 blocks: squares commute, so any number of layers of them tracks solvable groups alone, and never A5;
   Q8 is tracked by one layer.

   Two words that act on a plane through a finite group keep a positive definite form; their squares have determinant 1, so they are
   turns of one circle. Hence [x^2, y^2] = 1 is a law of the groups that one layer carries.

   Hypotheses: those of Blocks.v, over an ordered field. *)

From Coq Require Import Ring.
From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable mxrepresentation.
From Subnormal Require Import Exponents Stack Necessity Models Corollaries Blocks.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Identities of commutative rings, by Coq's ring tactic. *)
Section Identities.

Variables (F : Type) (zero one : F) (add mul : F -> F -> F) (opp : F -> F).
Hypothesis ring_F : ring_theory zero one add mul (fun x y => add x (opp y)) opp eq.
Add Ring ring_F : ring_F.
Local Notation "x + y" := (add x y).
Local Notation "x * y" := (mul x y).
Local Notation "- x" := (opp x).
Local Notation "x - y" := (add x (opp y)).

Lemma first_row p q r s a b c : (p * a + q * b) * (p * s - q * r) =
  ((p * a + q * b) * p + (p * b + q * c) * q) * s - ((p * a + q * b) * r + (p * b + q * c) * s) * q.
Proof. ring. Qed.

Lemma second_row p q r s a b c : (p * b + q * c) * (p * s - q * r) =
  ((p * a + q * b) * r + (p * b + q * c) * s) * p - ((p * a + q * b) * p + (p * b + q * c) * q) * r.
Proof. ring. Qed.

Lemma lower p q r a b c : p * b + q * c = b * p - a * r -> a * r = - (c * q).
Proof. move=> E; have -> : a * r = b * p - (b * p - a * r) by ring. by rewrite -E; ring. Qed.

Lemma diagonal p q s a b : p * a + q * b = a * s - b * q -> a * (s - p) = b * q + b * q.
Proof. move=> E; have -> : a * (s - p) = a * s - b * q + b * q - a * p by ring. by rewrite -E; ring. Qed.

Lemma off a c q r q' r' : a * r = - (c * q) -> a * r' = - (c * q') -> a * (q * r') = a * (q' * r).
Proof.
move=> E E'; have -> : a * (q * r') = q * (a * r') by ring.
have -> : a * (q' * r) = q' * (a * r) by ring.
by rewrite E E'; ring.
Qed.

Lemma cross a b q q' e e' : a * e = b * q + b * q -> a * e' = b * q' + b * q' -> a * (q * e') = a * (q' * e).
Proof.
move=> E E'; have -> : a * (q * e') = q * (a * e') by ring.
have -> : a * (q' * e) = q' * (a * e) by ring.
by rewrite E E'; ring.
Qed.

Lemma cross' a b c q r q' r' e e' : a * r = - (c * q) -> a * r' = - (c * q') ->
  a * e = b * q + b * q -> a * e' = b * q' + b * q' -> a * (a * (r * e')) = a * (a * (r' * e)).
Proof.
move=> E E' D D'; have -> : a * (a * (r * e')) = (a * r) * (a * e') by ring.
have -> : a * (a * (r' * e)) = (a * r') * (a * e) by ring.
by rewrite E E' D D'; ring.
Qed.

Lemma shift p q s p' q' s' : q * (s' - p') = q' * (s - p) -> p * q' + q * s' = p' * q + q' * s.
Proof. move=> E; have -> : p * q' + q * s' = q * (s' - p') + p * q' + q * p' by ring. by rewrite E; ring. Qed.

Lemma shift' p r s p' r' s' : r * (s' - p') = r' * (s - p) -> r * p' + s * r' = r' * p + s' * r.
Proof. move=> E; have -> : r' * p + s' * r = r * (s' - p') + r * p' + r' * p by ring. by rewrite E; ring. Qed.

End Identities.

Section Planes.

Variable F : realFieldType.

Let F_ring : @ring_theory F 0 1 +%R *%R (fun x y => x + (- y)) -%R eq.
Proof.
split=> //; [exact: add0r | exact: addrC | exact: addrA | exact: mul1r | exact: mulrC | exact: mulrA | exact: mulrDl | exact: subrr].
Qed.

Lemma det_2 (A : 'M[F]_2) : \det A = A 0 0 * A 1 1 - A 0 1 * A 1 0.
Proof.
rewrite (expand_det_row _ 0) !big_ord_recl big_ord0 /cofactor !det_mx11 !mxE /=.
rewrite expr0 expr1 addr0 mul1r mulN1r mulrN.
by congr (A 0 _ * A _ _ - A 0 _ * A _ _); apply: val_inj.
Qed.

Lemma mul_2 (A B : 'M[F]_2) i j : (A *m B) i j = A i 0 * B 0 j + A i 1 * B 1 j.
Proof. by rewrite !mxE !big_ord_recl big_ord0 addr0; congr (_ + A i _ * B _ j); apply: val_inj. Qed.

(* A plane turned with determinant 1 that keeps a form S. *)
Lemma turned (A S : 'M[F]_2) : S 1 0 = S 0 1 -> \det A = 1 -> A *m S *m A^T = S ->
  S 0 0 * A 1 0 = - (S 1 1 * A 0 1) /\ S 0 0 * (A 1 1 - A 0 0) = S 0 1 * A 0 1 + S 0 1 * A 0 1.
Proof.
rewrite det_2 => sym dA AS.
have e00 : (A *m S *m A^T) 0 0 = S 0 0 by rewrite AS.
have e01 : (A *m S *m A^T) 0 1 = S 0 1 by rewrite AS.
rewrite !mul_2 ![A^T _ _]mxE sym in e00 e01.
have := first_row F_ring (A 0 0) (A 0 1) (A 1 0) (A 1 1) (S 0 0) (S 0 1) (S 1 1).
have := second_row F_ring (A 0 0) (A 0 1) (A 1 0) (A 1 1) (S 0 0) (S 0 1) (S 1 1).
by rewrite e00 e01 dA !mulr1 => /(lower F_ring) u1 /(diagonal F_ring) u0.
Qed.

Lemma turned_commute (A B S : 'M[F]_2) : S 0 0 != 0 -> S 1 0 = S 0 1 -> \det A = 1 -> \det B = 1 ->
  A *m S *m A^T = S -> B *m S *m B^T = S -> A *m B = B *m A.
Proof.
move=> S0 sym dA dB /(turned sym dA) [Ar Ae] /(turned sym dB) [Br Be].
have two (i : 'I_2) : (i == 0) || (i == 1) by case: i => [[|[|]]].
have e01 := mulfI S0 (off F_ring Ar Br); have q := mulfI S0 (cross F_ring Ae Be).
have r := mulfI S0 (mulfI S0 (cross' F_ring Ar Br Ae Be)).
apply/matrixP=> i j; rewrite !mul_2.
case/orP: (two i) => /eqP ->; case/orP: (two j) => /eqP ->.
- by rewrite (mulrC (A 0 0)) e01.
- by rewrite (shift F_ring q).
- by rewrite (shift' F_ring r).
by rewrite (mulrC (A 1 0)) (mulrC (A 1 1)) -e01 (mulrC (A 0 1)).
Qed.

Section Representations.

Variables (tT : finGroupType) (T : {group tT}).

Lemma det_square (rho : mx_representation F T 2) x : x \in T -> \det (rho (x ^+ 2)%g) = 1.
Proof.
move=> Tx; have detX k : \det (rho (x ^+ k)%g) = \det (rho x) ^+ k.
  elim: k => [|k IH]; first by rewrite expg0 repr_mx1 det1.
  by rewrite expgS exprS repr_mxM ?groupX // det_mulmx IH.
rewrite detX; apply/eqP; rewrite sqr_norm_eq1 -(@pexpr_eq1 _ _ #[x]%g) ?order_gt0 //.
by rewrite -normrX -detX expg_order repr_mx1 det1 normr1.
Qed.

Lemma planes_commute d (rho : mx_representation F T d) x y : (d <= 2)%N -> x \in T -> y \in T ->
  rho (x ^+ 2 * y ^+ 2)%g = rho (y ^+ 2 * x ^+ 2)%g.
Proof.
move=> d2 Tx Ty; have [Tx2 Ty2] := (groupX 2 Tx, groupX 2 Ty).
rewrite (repr_mxM rho Tx2 Ty2) (repr_mxM rho Ty2 Tx2).
case: d rho d2 => [|[|[|//]]] rho _; first by rewrite [LHS]flatmx0 [RHS]flatmx0.
  by rewrite [rho (x ^+ 2)%g]mx11_scalar scalar_mxC.
pose S := \sum_(z in T) rho z *m (rho z)^T.
have kept z : z \in T -> rho z *m S *m (rho z)^T = S.
  move=> Tz; rewrite mulmx_sumr mulmx_suml [RHS](reindex_inj (mulgI z)).
  apply: eq_big => [t | t Tt]; first by rewrite groupMl.
  by rewrite repr_mxM // trmx_mul !mulmxA.
have symT : S^T = S.
  by rewrite /S raddf_sum; apply: eq_bigr => z _; rewrite /= trmx_mul trmxK.
have sym : S 1 0 = S 0 1 by rewrite -{1}symT mxE.
have S0 : S 0 0 != 0.
  have pos z : 0 <= (rho z *m (rho z)^T) 0 0.
    by rewrite mxE; apply: sumr_ge0 => k _; rewrite mxE -expr2 sqr_ge0.
  apply: lt0r_neq0; rewrite summxE (bigD1 1%g) //= repr_mx1 trmx1 mulmx1 mxE eqxx.
  by apply: ltr_paddr; [apply: sumr_ge0 => z _; apply: pos | apply: ltr01].
by apply: (turned_commute S0 sym); rewrite ?det_square ?kept ?groupX.
Qed.

End Representations.

Variable gT : finGroupType.
Implicit Types G H N : {group gT}.

(* The law of real 2x2 blocks: squares commute. *)
Lemma squares_commute H N : linear_factor F 2%N H N -> {in H &, forall x y, [~ x ^+ 2, y ^+ 2]%g \in N}.
Proof.
case=> _ [tT [T [phi [I [d [rho [mphi img deg ker]]]]]]].
move=> x y; rewrite -img => /imsetP[a Ta ->] /imsetP[b Tb ->].
have := ker [~ a ^+ 2, b ^+ 2]%g; rewrite -/(Morphism mphi _) morphR ?groupX // !morphX //; apply; first by rewrite groupR ?groupX.
move=> i; have -> : ([~ a ^+ 2, b ^+ 2] = (b ^+ 2 * a ^+ 2)^-1 * (a ^+ 2 * b ^+ 2))%g.
  by rewrite commgEl conjgE invMg !mulgA.
have Tba : (b ^+ 2 * a ^+ 2)%g \in T by rewrite groupM ?groupX.
rewrite repr_mxM ?groupV //; last by rewrite groupM ?groupX.
by rewrite (planes_commute (rho i)) // -repr_mxM ?groupV // mulVg repr_mx1.
Qed.

Lemma planes_derived H N : linear_factor F 2%N H N -> (H^`(2) \subset N)%g.
Proof.
move=> lf; have law := squares_commute lf; case: lf => /andP[NH nNH] _.
pose Q := [set x ^+ 2 | x in H]%g.
have QH : Q \subset H by apply/subsetP=> _ /imsetP[x Hx ->]; rewrite groupX.
have sqQ z : z \in H -> (z ^+ 2 \in <<Q>>)%g.
  by move=> Hz; apply: mem_gen; apply: (imset_f (fun z => z ^+ 2)%g).
have derQ : (H^`(1) \subset <<Q>>)%g.
  apply: subset_trans (der_sub_D 2 H) _; apply: (@D_in _ 2 H [group of <<Q>>%g]) => x; last first.
    by move=> Hx; apply: mem_gen; apply: imset_f.
  move=> y Hx Hy; have -> : ([~ x, y] = x^-1 ^+ 2 * (x * y^-1) ^+ 2 * y ^+ 2)%g.
    by rewrite commgEl conjgE !expgS !expg0 !mulg1 !mulgA mulgKV mulgKV.
  exact: groupM (groupM (sqQ _ (groupVr Hx)) (sqQ _ (groupM Hx (groupVr Hy)))) (sqQ _ Hy).
have nQ : Q \subset 'N(N)%g := subset_trans QH nNH.
have abQ : abelian (<<Q>> / N)%g.
  rewrite quotient_gen // abelian_gen; apply/centsP=> _ /morphimP[u Nu /imsetP[x Hx ux] ->] _ /morphimP[v Nv /imsetP[y Hy vy] ->].
  by apply/commgP/eqP; rewrite -morphR //; apply: coset_id; rewrite ux vy law.
rewrite dergSn -derg1; apply: der1_min; first exact: subset_trans (der_sub _ _) nNH.
exact: abelianS (quotientS _ derQ) abQ.
Qed.

Lemma planes_series k G N : block_series F (nseq k 2%N) G N -> (G^`(k.*2) \subset N)%g.
Proof.
elim: k N => [|k IH] N /=; first by move->.
case=> M /IH GM /planes_derived; apply: subset_trans.
by rewrite doubleS !dergSn; apply: commgSS; apply: commgSS.
Qed.

End Planes.

(* k layers of real 2x2 blocks: the 2k-th derived subgroup is trivial. *)
Theorem real_planes (F : realFieldType) X S k (M : block_model F X S (nseq k 2%N)) s0 (gT : finGroupType) decode tok
    (G : {group gT}) :
  finitely_many M s0 -> btracks M s0 decode tok -> generated_by tok G -> (G^`(k.*2) = 1)%g.
Proof.
move=> fin tr gen; apply/eqP; apply: (block_necessity (char_num F) fin tr gen).
by move/planes_series; rewrite subG1.
Qed.

(* No number of layers of real 2x2 blocks tracks A5, nor any alternating group of degree at least 5. *)
Theorem real_planes_never (F : realFieldType) X S k (M : block_model F X S (nseq k 2%N)) s0 n decode tok :
  (5 <= n)%N -> finitely_many M s0 -> btracks M s0 decode tok -> ~ generated_by tok 'Alt_('I_n)%G.
Proof. by move=> n5 fin tr gen; apply: (alternating_never (k := k.*2) n5); apply: real_planes fin tr gen. Qed.

(* Q8 is no group of real 2x2 matrices, and one layer of them tracks it: it is a quotient of C4 : C4, which turns two planes. *)
Section Quaternions.

Lemma powD (R : ringType) (g : R) (a b : 'Z_4) : g ^+ 4 = 1 -> g ^+ (a + b : 'Z_4) = g ^+ a * g ^+ b.
Proof. by move=> g4; rewrite -exprD -(expr_mod (a + b)%N g4). Qed.

(* C4 : C4, as the pairs (i, j) = r^i c^j with r^c = r^-1. *)
Definition planes := ('Z_4 * 'Z_4)%type.
Canonical planes_eqType := [eqType of planes].
Canonical planes_choiceType := [choiceType of planes].
Canonical planes_countType := [countType of planes].
Canonical planes_finType := [finType of planes].

Let three4 : (3%:R : 'Z_4) ^+ 4 = 1.
Proof. by apply: val_inj. Qed.

Definition planes_mul (s t : planes) : planes := (s.1 + t.1 * 3%:R ^+ s.2, s.2 + t.2).
Definition planes_inv (s : planes) : planes := (- (s.1 * 3%:R ^+ (- s.2 : 'Z_4)), - s.2).

Lemma planes_mulA : associative planes_mul.
Proof.
move=> [a b] [c d] [e f]; rewrite /planes_mul /=; congr (_, _); last exact: addrA.
by rewrite (powD _ _ three4) mulrDl addrA -mulrA (mulrC (3%:R ^+ d)).
Qed.
Lemma planes_mul1 : left_id (0, 0) planes_mul.
Proof. by move=> [a b]; rewrite /planes_mul /= expr0 mulr1 !add0r. Qed.
Lemma planes_mulV : left_inverse (0, 0) planes_inv planes_mul.
Proof. by move=> [a b]; rewrite /planes_mul /planes_inv /= !addNr. Qed.

Definition planes_mixin := FinGroup.Mixin planes_mulA planes_mul1 planes_mulV.
Canonical planes_baseGroupType := Eval hnf in BaseFinGroupType planes planes_mixin.
Canonical planes_groupType := Eval hnf in FinGroupType planes_mulV.

Variable F : fieldType.
Hypothesis char2 : 2%:R != 0 :> F.

(* A quarter turn and a reflection. *)
Let turn : 'M[F]_2 := \matrix_(i, j) (if i == j then 0 else if i == 0 then 1 else -1).
Let flip : 'M[F]_2 := \matrix_(i, j) (if i != j then 0 else if i == 0 then 1 else -1).

Let two (i : 'I_2) : (i == 0) || (i == 1).
Proof. by case: i => [[|[|]]]. Qed.

Let turn2 : turn ^+ 2 = -1.
Proof.
apply/matrixP=> i j; rewrite expr2 -mulmxE !mxE !big_ord_recl big_ord0 !mxE /=.
by case/orP: (two i) => /eqP ->; case/orP: (two j) => /eqP -> /=; rewrite ?mulr0 ?mul0r ?mulr1 ?mul1r ?addr0 ?add0r ?oppr0.
Qed.
Let flip2 : flip ^+ 2 = 1.
Proof.
apply/matrixP=> i j; rewrite expr2 -mulmxE !mxE !big_ord_recl big_ord0 !mxE /=.
by case/orP: (two i) => /eqP ->; case/orP: (two j) => /eqP -> /=; rewrite ?mulr0 ?mul0r ?mulr1 ?mulrNN ?mul1r ?addr0 ?add0r.
Qed.
Let flip_turn : flip * turn = turn ^+ 3 * flip.
Proof.
rewrite exprS turn2 mulrN1 mulNr; apply/matrixP=> i j.
rewrite -!mulmxE !mxE !big_ord_recl !big_ord0 !mxE /=.
by case/orP: (two i) => /eqP ->; case/orP: (two j) => /eqP -> /=; rewrite ?mulr0 ?mul0r ?mulr1 ?mulrN1 ?mul1r ?addr0 ?add0r ?oppr0 ?opprK.
Qed.
Let turn4 : turn ^+ 4 = 1.
Proof. by rewrite (exprM turn 2 2) turn2 sqrrN expr1n. Qed.
Let flip4 : flip ^+ 4 = 1.
Proof. by rewrite (exprM flip 2 2) flip2 expr1n. Qed.


(* In a monoid: the law of C4 : C4 is that of its powers. *)
Let moved i j : flip ^+ j * turn ^+ i = turn ^+ (i * 3 ^ j) * flip ^+ j.
Proof.
have one k : flip * turn ^+ k = turn ^+ (k * 3) * flip.
  elim: k => [|k IH]; first by rewrite mul0n !expr0 mulr1 mul1r.
  by rewrite exprS mulrA flip_turn -mulrA IH mulrA -exprD mulSn.
elim: j => [|j IH]; first by rewrite expn0 muln1 expr0 mul1r mulr1.
by rewrite exprS -mulrA IH mulrA one -mulrA -exprS expnSr mulnA.
Qed.

Definition plane (first : bool) (s : planes) : 'M[F]_2 := if first then turn ^+ s.1 * flip ^+ s.2 else turn ^+ s.2.

Let power3 (a b : 'Z_4) : (a * 3%:R ^+ b : 'Z_4) = ((a * 3 ^ b) %% 4)%N :> nat.
Proof.
have -> : (3%:R : 'Z_4) ^+ b = (3 ^ b)%:R by rewrite natrX.
by rewrite /= val_Zp_nat // modnMmr.
Qed.

Lemma plane_repr first : mx_repr [set: planes_groupType] (plane first).
Proof.
split; first by case: first; rewrite /plane /= !expr0 ?mulr1.
move=> [a b] [c d] _ _; rewrite mulmxE; case: first; last exact: powD turn4.
rewrite -[LHS]/(turn ^+ (a + c * 3%:R ^+ b : 'Z_4) * flip ^+ (b + d : 'Z_4)).
rewrite (powD _ _ turn4) (powD _ _ flip4) power3 (expr_mod _ turn4) /plane [(a, b).1]/= [(c, d).1]/=.
by rewrite !mulrA -(mulrA (turn ^+ a)) -moved !mulrA.
Qed.
Canonical plane_representation first := MxRepresentation (plane_repr first).

Let quarter (a : 'Z_4) : turn ^+ a = 1 -> a = 0.
Proof.
have m1 : (-1 : 'M[F]_2) != 1.
  apply: contra char2 => /eqP/matrixP/(_ 0 0); rewrite !mxE /= => m11.
  by rewrite mulr2n -{1}[1]m11 addNr.
have t1 : turn != 1 by apply/eqP=> /matrixP/(_ 0 0); rewrite !mxE /= => /eqP; rewrite eq_sym oner_eq0.
case: a => [[|[|[|[|//]]]] p] ta; first exact: val_inj.
- by rewrite expr1 in ta; rewrite ta eqxx in t1.
- by rewrite turn2 in ta; rewrite ta eqxx in m1.
have : turn = 1 by rewrite -[turn]mul1r -{1}ta -exprSr turn4.
by move=> t; rewrite t eqxx in t1.
Qed.

Lemma planes_faithful s : (forall first, plane first s = 1) -> s = (0, 0).
Proof.
move=> one; have b0 := quarter (one false); have := one true.
by case: s b0 {one} => a b /= ->; rewrite /plane /= expr0 mulr1 => /quarter ->.
Qed.

(* Onto Q8. *)
Section Onto.

Variables (gT : finGroupType) (x y : gT).
Hypotheses (x4 : (x ^+ 4 = 1)%g) (y2 : (y ^+ 2 = x ^+ 2)%g) (xy : (x ^ y = x^-1)%g).

Definition onto (s : planes) : gT := (x ^+ s.1 * y ^+ s.2)%g.

Let y4 : (y ^+ 4 = 1)%g.
Proof. by rewrite (expgM y 2 2) y2 -expgM. Qed.

Let passed i j : (y ^+ j * x ^+ i = x ^+ (i * 3 ^ j) * y ^+ j)%g.
Proof.
have x3 : (x^-1 = x ^+ 3)%g by apply/eqP; rewrite eq_invg_mul -expgS x4.
have one k : (y * x ^+ k = x ^+ (k * 3) * y)%g.
  have -> : (x ^+ (k * 3) = x ^+ k ^ y^-1)%g.
    rewrite conjXg; have -> : (x ^ y^-1 = x^-1)%g by rewrite -[x in LHS]invgK -xy conjVg -conjgM mulgV conjg1.
    by rewrite x3 -expgM mulnC.
  by rewrite conjgE invgK !mulgA mulgKV.
elim: j => [|j IH]; first by rewrite expn0 muln1 expg0 mul1g mulg1.
by rewrite expgS -mulgA IH mulgA one -mulgA -expgS expnSr mulnA.
Qed.

Lemma ontoM : {in [set: planes_groupType] &, {morph onto : s t / (s * t)%g}}.
Proof.
move=> [i j] [k l] _ _; rewrite -[LHS]/(x ^+ (i + k * 3%:R ^+ j : 'Z_4)%R * y ^+ (j + l : 'Z_4)%R)%g.
have powG (g : gT) (a b : 'Z_4) : (g ^+ 4 = 1 -> g ^+ (a + b : 'Z_4)%R = g ^+ a * g ^+ b)%g.
  by move=> g4; rewrite -expgD -(expg_mod (_ + _)%N g4).
rewrite (powG _ _ _ x4) (powG _ _ _ y4) power3 (expg_mod _ x4) /onto [(i, j).1]/= [(k, l).1]/=.
by rewrite !mulgA -(mulgA (x ^+ i)%g) -passed !mulgA.
Qed.

Lemma onto_image : onto @: [set: planes_groupType] = <<[set x; y]>>%g.
Proof.
have -> : onto @: [set: planes_groupType] = (Morphism ontoM @* [set: planes_groupType])%g by rewrite morphimEdom.
apply/eqP; rewrite eqEsubset; apply/andP; split.
  apply/subsetP=> _ /morphimP[s _ _ ->] /=.
  by rewrite groupM ?groupX ?mem_gen ?inE ?eqxx ?orbT.
rewrite gen_subG; apply/subsetP=> z; rewrite !inE => /orP[] /eqP ->; apply/morphimP.
  by exists ((1, 0) : planes); rewrite ?inE // /= /onto /= expg0 mulg1 expg1.
by exists ((0, 1) : planes); rewrite ?inE // /= /onto /= expg0 mul1g expg1.
Qed.

End Onto.

Lemma q8_factor : linear_factor F 2%N [group of [set: 'Q_8]] 1%G.
Proof.
split; first exact: normal1.
have [[x y] /=] : exists2 xy : 'Q_8 * 'Q_8, <<[set xy.1; xy.2]>>%g = [set: 'Q_8] &
    [/\ xy.1 ^+ 4 = 1, xy.2 ^+ 2 = xy.1 ^+ 2 & xy.1 ^ xy.2 = xy.1^-1]%g.
  have := Grp_quaternion (isT : (2 < 3)%N) [group of [set: 'Q_8]]; rewrite homg_refl => /esym/existsP[[x y] /eqP[gen]].
  move=> x4 y2 xy; exists (x, y) => //=; by rewrite -gen /= joing_idl joing_idr.
move=> gen [x4 y2 xy].
exists planes_groupType, [group of [set: planes_groupType]], (onto x y), bool_finType, (fun=> 2%N), plane_representation.
split=> // [||s _ one]; first exact: ontoM; first by rewrite onto_image.
have -> : s = (0, 0) by apply: planes_faithful.
by rewrite /onto /= !expg0 mulg1 inE.
Qed.

(* Q8 by one layer of 2x2 blocks, over any field where 2 is not 0: the real numbers. *)
Theorem q8_by_one_layer X (tok : X -> 'Q_8) :
  exists S (M : block_model F X S [:: 2%N]) s0 decode, finitely_many M s0 /\ btracks M s0 decode tok.
Proof.
apply: (@block_sufficiency F X _ tok [group of [set: 'Q_8]]) => [x|]; first by rewrite inE.
by exists [group of [set: 'Q_8]]; last exact: q8_factor.
Qed.

End Quaternions.

(* Q8 by one layer of real 2x2 blocks. *)
Theorem real_planes_q8 (F : realFieldType) X (tok : X -> 'Q_8) :
  exists S (M : block_model F X S [:: 2%N]) s0 decode, finitely_many M s0 /\ btracks M s0 decode tok.
Proof. by apply: q8_by_one_layer; rewrite pnatr_eq0. Qed.
