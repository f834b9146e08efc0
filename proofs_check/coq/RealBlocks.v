(* Real 2x2 blocks: squares commute, so any number of layers of them tracks solvable groups alone, and never A5.

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

