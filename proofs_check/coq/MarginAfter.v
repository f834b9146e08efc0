(* The theorem of Margin.v for layers that read the lower ones after the token, as those of a network do; the tokens are
   finitely many.

   Such a reader is one of Margin.v off which more is read [ahead]: beside the reading, what it will be after each
   token. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra.
From Subnormal Require Import Exponents Stack Necessity Models Bounded Margin.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.POrderTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section After.

Variables (F : numFieldType) (X : finType).

Fixpoint step_after S Y (M : reader F X S Y) : S -> X -> S :=
  match M with
  | Nothing => fun s _ => s
  | Layer _ _ lower _ a b _ _ => fun s x =>
      let s' := step_after lower s.1 x in (s', affine a b (out (rstack lower) s') x s.2)
  end.

Definition run_after S Y (M : reader F X S Y) (s : S) (w : seq X) : S := foldl (step_after M) s w.

Definition reached_after S Y (M : reader F X S Y) (s0 s : S) : Prop := exists w, s = run_after M s0 w.

Lemma ahead S Y (M : reader F X S Y) : exists Y' (M' : reader F X S Y') (now : Y' -> Y) (next : Y' -> X -> Y),
  [/\ forall s, now (out (rstack M') s) = out (rstack M) s,
      forall s x, next (out (rstack M') s) x = out (rstack M) (step_after M s x),
      forall s x, step (rstack M') s x = step_after M s x,
      forall ms, rotations M ms -> rotations M' ms &
      forall K eta ms (R : S -> Prop), 0 < eta -> rotations M ms -> (forall s x, R s -> R (step_after M s x)) ->
        bounded K M R -> margin eta M R -> bounded K M' R /\ margin eta M' R].
Proof.
elim: S Y / M => [|S Y M [Y' [M' [now [next [nowE nextE stepE rots keeps]]]]] d a b O read].
  by exists unit, (Nothing F X), id, (fun y _ => y); split.
pose a' y x := a (next y x) x; pose b' y x := b (next y x) x.
pose read' y h := (read (now y) h, [ffun x => read (next y x) (affine a b (next y x) x h)]).
exists (Y' * (O * {ffun X -> O}))%type, (Layer M' a' b' read').
exists (fun y => (now y.1, y.2.1)), (fun (y : Y' * (O * {ffun X -> O})) x => (next y.1 x, y.2.2 x)); split=> /=.
- by move=> s; rewrite nowE.
- by move=> s x; rewrite ffunE nextE.
- by move=> s x; rewrite stepE -nextE.
- by case=> // m ms [/rots rM' ra]; split=> // y x i; apply: ra.
move=> K eta [|m ms] R eta0 //= [rM ra] Rstep [bM bR] [mM mR].
have [|bM' mM'] := keeps K eta ms (fun s => exists h, R (s, h)) eta0 rM _ bM mM.
  by move=> s x [h /Rstep Rsh]; exists (affine a b (out (rstack M) (step_after M s x)) x h); apply: Rsh.
split=> //; split=> // s t h g Rsh Rtg st hg; congr (_, _).
  by rewrite !nowE; apply: mR => //; rewrite -!nowE st.
apply/ffunP=> x; rewrite !ffunE !nextE; apply: mR.
- exact: (Rstep (s, h)).
- exact: (Rstep (t, g)).
- by rewrite -!nextE st.
have -> : out (rstack M) (step_after M t x) = out (rstack M) (step_after M s x) by rewrite -!nextE st.
move=> i; rewrite !ffunE opprD addrACA subrr addr0 -mulrBr normrM.
by apply: le_lt_trans (hg i); rewrite ler_pimull //; case: (ra (out (rstack M) (step_after M s x)) x i).
Qed.

Theorem bounded_with_margin_after S Y (M : reader F X S Y) (s0 : S) ms (gT : finGroupType) (decode : Y -> gT) tok
    (G : {group gT}) :
  totally_bounded F -> (exists K, bounded K M (reached_after M s0)) ->
  (exists2 eta, 0 < eta & margin eta M (reached_after M s0)) -> rotations M ms ->
  (forall w, decode (out (rstack M) (run_after M s0 w)) = product tok w) -> generated_by tok G ->
  V G ms = 1%g :> {set gT}.
Proof.
move=> compact [K bK] [eta eta0 meta] rM tr gen.
have [Y' [M' [now [next [nowE _ stepE rots keeps]]]]] := ahead M.
have runE w : run (rstack M') s0 w = run_after M s0 w.
  by rewrite /run /run_after; elim: w s0 {bK meta tr} => //= x w IH s; rewrite stepE IH.
have [|bK' meta'] := keeps K eta ms _ eta0 rM _ bK meta.
  by move=> _ x [w ->]; exists (rcons w x); rewrite /run_after foldl_rcons.
have same s : reachable (rstack M') s0 s -> reached_after M s0 s by case=> w ->; exists w; rewrite runE.
have less S' Z (N : reader F X S' Z) (R R' : S' -> Prop) : (forall s, R' s -> R s) ->
    (bounded K N R -> bounded K N R') /\ (margin eta N R -> margin eta N R').
  elim: S' Z / N R R' => //= S' Z N IH d a b O read R R' RR'.
  have [|bN mN] := IH (fun s => exists h, R (s, h)) (fun s => exists h, R' (s, h)).
    by move=> s [h /RR' Rsh]; exists h.
  split=> [[/bN ? top] | [/mN ? top]]; split=> //.
    by move=> s h i /RR'; apply: top.
  by move=> s t h g /RR' Rsh /RR' Rtg; apply: top.
have [bR mR] := less _ _ M' _ _ same.
apply: (bounded_with_margin compact (M := M') (s0 := s0) _ _ (rots ms rM) (decode := decode \o now) (tok := tok)) => //.
- by exists K; apply: bR.
- by exists eta => //; apply: mR.
by move=> w; rewrite runE /= nowE tr.
Qed.

End After.
