(* Stacks of layers, in general, and what it means to track.

   A stack reads tokens x : X. Its state is a tuple ((..., h_2), h_1 ...) of the layers' states; a layer is given by
     act  : what the lower layers put out *before* the token -> token -> H -> H,      its own update,
     read : what the lower layers put out -> H -> O,                                 what the upper layers see of it.
   Nothing is assumed of H, O, act and read; tokens may be infinitely many. *)

From mathcomp Require Import all_ssreflect all_fingroup.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Section Stacks.

Variable X : Type.
Implicit Types (w u v : seq X) (x : X).

Inductive stack : Type -> Type -> Type :=
| Bottom : stack unit unit
| Over S Y (lower : stack S Y) (H O : Type) (act : Y -> X -> H -> H) (read : Y -> H -> O) : stack (S * H) (Y * O).

(* What the upper layers see. *)
Fixpoint out S Y (c : stack S Y) : S -> Y :=
  match c with
  | Bottom => fun s => s
  | Over _ _ lower _ _ _ read => fun s => (out lower s.1, read (out lower s.1) s.2)
  end.

Fixpoint step S Y (c : stack S Y) : S -> X -> S :=
  match c with
  | Bottom => fun s _ => s
  | Over _ _ lower _ _ act _ => fun s x => (step lower s.1 x, act (out lower s.1) x s.2)
  end.

Definition run S Y (c : stack S Y) (s : S) (w : seq X) : S := foldl (step c) s w.

Fixpoint depth S Y (c : stack S Y) : nat := if c is Over _ _ lower _ _ _ _ then (depth lower).+1 else 0.

Lemma run_cat S Y (c : stack S Y) s u v : run c s (u ++ v) = run c (run c s u) v.
Proof. exact: foldl_cat. Qed.

(* What a word does to the state of a new layer, from a state of the lower ones. *)
Fixpoint acts S Y (lower : stack S Y) H (act : Y -> X -> H -> H) (s : S) (w : seq X) (h : H) : H :=
  if w is x :: w' then acts lower act (step lower s x) w' (act (out lower s) x h) else h.

Lemma run_Over S Y (lower : stack S Y) H O act (read : Y -> H -> O) s h w :
  run (Over lower act read) (s, h) w = (run lower s w, acts lower act s w h).
Proof. by rewrite /run; elim: w s h => //= x w IH s h; rewrite IH. Qed.

Lemma acts_cat S Y (lower : stack S Y) H (act : Y -> X -> H -> H) s u v h :
  acts lower act s (u ++ v) h = acts lower act (run lower s u) v (acts lower act s u h).
Proof. by rewrite /run; elim: u s h => //= x u IH s h; rewrite IH. Qed.

(* Two states that put out the same after every word. *)
Definition sim S Y (c : stack S Y) (s t : S) : Prop := forall w, out c (run c s w) = out c (run c t w).

Section Sim.

Variables (S Y : Type) (c : stack S Y).

Lemma sim_refl s : sim c s s. Proof. by []. Qed.
Lemma sim_sym s t : sim c s t -> sim c t s. Proof. by move=> st w; rewrite st. Qed.
Lemma sim_trans t s r : sim c s t -> sim c t r -> sim c s r. Proof. by move=> st tr w; rewrite st tr. Qed.

Lemma sim_run s t w : sim c s t -> sim c (run c s w) (run c t w).
Proof. by move=> st v; rewrite -!run_cat. Qed.

Lemma sim_out s t : sim c s t -> out c s = out c t. Proof. by move/(_ [::]). Qed.

End Sim.

Section Above.

Variables (S Y : Type) (c : stack S Y) (H O : Type) (act : Y -> X -> H -> H) (read : Y -> H -> O).

Lemma acts_sim s t w h : sim c s t -> acts c act s w h = acts c act t w h.
Proof.
elim: w s t h => //= x w IH s t h st; rewrite (sim_out st); apply: IH.
exact: (sim_run [:: x] st).
Qed.

Lemma sim_lower s t h g : sim (Over c act read) (s, h) (t, g) -> sim c s t.
Proof. by move=> st w; have := st w; rewrite !run_Over => -[]. Qed.

Lemma sim_same s t h : sim c s t -> sim (Over c act read) (s, h) (t, h).
Proof. by move=> st w; rewrite !run_Over /= (acts_sim _ _ st) (st w). Qed.

(* Two states of a new layer that look the same over a state of the lower ones. *)
Definition alike s h g : Prop := sim (Over c act read) (s, h) (s, g).

Lemma alike_acts s u h g : sim c (run c s u) s -> alike s h g -> alike s (acts c act s u h) (acts c act s u g).
Proof.
move=> us hg; have := sim_run (c := Over c act read) u hg; rewrite !run_Over => {}hg.
apply: sim_trans (sim_trans hg _); last exact: sim_same.
exact/sim_sym/sim_same.
Qed.

End Above.

Fixpoint repeat n w : seq X := if n is n'.+1 then w ++ repeat n' w else [::].

Lemma repeat_add k l w : repeat (k + l) w = repeat k w ++ repeat l w.
Proof. by elim: k => // k IH; rewrite addSn /= IH catA. Qed.

Lemma run_repeat S Y (c : stack S Y) s n w : run c s (repeat n w) = iter n (fun t => run c t w) s.
Proof. by elim: n s => //= n IH s; rewrite run_cat IH -iterSr. Qed.

(* A stack tracks an automaton: states Q, update delta, from q0. Elements of Q are read off the outputs. *)
Definition tracks_automaton S Y (c : stack S Y) (s0 : S) Q (decode : Y -> Q) (delta : Q -> X -> Q) (q0 : Q) : Prop :=
  forall w, decode (out c (run c s0 w)) = foldl delta q0 w.

(* The product of a word, the newest factor on the right. *)
Definition product (gT : finGroupType) (tok : X -> gT) (w : seq X) : gT := (\prod_(x <- w) tok x)%g.

Lemma product_cat (gT : finGroupType) (tok : X -> gT) u v : product tok (u ++ v) = (product tok u * product tok v)%g.
Proof. exact: big_cat. Qed.

Lemma product_repeat (gT : finGroupType) (tok : X -> gT) k w : product tok (repeat k w) = (product tok w ^+ k)%g.
Proof. by elim: k => [|k IH] /=; rewrite ?product_cat ?IH ?expgS // /product big_nil. Qed.

Lemma product_foldl (gT : finGroupType) (tok : X -> gT) w g :
  foldl (fun a x => a * tok x)%g g w = (g * product tok w)%g.
Proof.
rewrite /product; elim: w g => [|x w IH] g /=; first by rewrite big_nil mulg1.
by rewrite IH big_cons mulgA.
Qed.

Definition tracks S Y (c : stack S Y) (s0 : S) (gT : finGroupType) (decode : Y -> gT) (tok : X -> gT) : Prop :=
  forall w, decode (out c (run c s0 w)) = product tok w.

Lemma tracks_as_automaton S Y (c : stack S Y) s0 (gT : finGroupType) (decode : Y -> gT) tok :
  tracks c s0 decode tok <-> tracks_automaton c s0 decode (fun a x => a * tok x)%g 1%g.
Proof.
by split=> t w; rewrite t product_foldl mul1g.
Qed.

(* The checker's induction: right at the start, and right for one more token from every state that has been reached. *)
Theorem tracks_by_induction S Y (c : stack S Y) (s0 : S) Q (decode : Y -> Q) delta q0 :
  decode (out c s0) = q0 ->
  (forall w x, decode (out c (step c (run c s0 w) x)) = delta (decode (out c (run c s0 w))) x) ->
  tracks_automaton c s0 decode delta q0.
Proof.
move=> start next w; elim/last_ind: w => [|w x IH]; first exact: start.
by rewrite /run -cats1 !foldl_cat /= next IH.
Qed.

End Stacks.

(* The group that the tokens generate. Tokens may be infinitely many, hence a property and not a set. *)
Definition generated_by (X : Type) (gT : finGroupType) (tok : X -> gT) (G : {group gT}) : Prop :=
  (forall x, tok x \in G) /\ (forall g, g \in G -> exists w, product tok w = g).

Lemma generated_finite (X : finType) (gT : finGroupType) (tok : X -> gT) :
  generated_by tok <<[set tok x | x : X]>>%G.
Proof.
split=> [x | g]; first by apply: mem_gen; apply: imset_f.
rewrite /= => /gen_prodgP [n [f fX ->]].
have [h fh] : exists h : 'I_n -> X, forall i, f i = tok (h i).
  by apply: (@fin_all_exists _ (fun=> X) (fun i x => f i = tok x)) => i; have /imsetP[x _ ->] := fX i; exists x.
exists [seq h i | i <- index_enum _]; rewrite /product big_map.
by apply: eq_bigr => i _.
Qed.
