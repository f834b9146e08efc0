(* Layers of m x m blocks, over any field of characteristic 0: what k of them track, both ways (necessity and sufficiency).

   Layer: h_j <- h_j A_j + b_j for the blocks j < r, each h_j a row of m numbers; A and b are ANY functions of the states of the
   lower layers and the token, singular or not, of any norm; blocks of one layer do not read each other. The decoder is any
   function. Hypothesis: the states that can be reached from the initial one are finite in number.

   [linear_factor m H N]: H/N is a quotient of a subgroup of a product of finite linear groups of degree at most m. That is: T is a
   finite group with representations of degree at most m, phi maps it onto H, and what is trivial in all of them goes into N. *)

From mathcomp Require Import all_ssreflect all_fingroup all_algebra all_solvable mxrepresentation.
From Subnormal Require Import Exponents Stack Necessity Models.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory.
Local Open Scope ring_scope.

Section Factors.

Variable F : fieldType.

Definition linear_factor m (gT : finGroupType) (H N : {group gT}) : Prop :=
  (N <| H)%g /\ exists (tT : finGroupType) (T : {group tT}) (phi : tT -> gT) (I : finType) (d : I -> nat)
      (rho : forall i, mx_representation F T (d i)),
    [/\ {in T &, {morph phi : x y / (x * y)%g}}, phi @: T = H, forall i, (d i <= m)%N
      & {in T, forall x, (forall i, rho i x = 1%:M) -> phi x \in N}].

(* From the top layer down, as [Exponents.series]. *)
Fixpoint block_series (ms : seq nat) (gT : finGroupType) (G N : {group gT}) : Prop :=
  if ms is m :: ms' then exists2 M : {group gT}, block_series ms' G M & linear_factor m M N else N = G.

Lemma block_series_sub ms (gT : finGroupType) (G N : {group gT}) : block_series ms G N -> N \subset G.
Proof.
elim: ms N => [|m ms IH] N /=; first by move->.
by case=> M /IH MG [/andP[NM _] _]; apply: subset_trans MG.
Qed.

Lemma block_series_morphim ms (aT rT : finGroupType) (G N : {group aT}) (f : {morphism G >-> rT}) :
  block_series ms G N -> block_series ms (f @* G)%G (f @* N)%G.
Proof.
elim: ms N => [|m ms IH] N /=; first by move->.
case=> M sM [nNM [tT [T [phi [I [d [rho [mphi img deg ker]]]]]]]].
have MG := block_series_sub sM; exists (f @* M)%G; first exact: IH.
have inM x : x \in T -> phi x \in M by move=> Tx; rewrite -img imset_f.
split; first exact: morphim_normal.
exists tT, T, (f \o phi), I, d, rho; split=> // [x y Tx Ty | | x Tx /(ker x Tx) Nx].
- by rewrite /= mphi // morphM //; apply: (subsetP MG); apply: inM.
- by rewrite imset_comp img /= morphimEsub.
by apply: mem_morphim Nx; apply: (subsetP MG); apply: inM.
Qed.

End Factors.

(* A finite group that permutes the rows of a matrix as linear maps do has a representation on the space of the rows. *)
Section RowSpace.

Variables (F : fieldType) (n m : nat) (U : 'M[F]_(n, m)) (K : {group 'S_n}).
Hypothesis linear_on_rows : {in K, forall p, exists A : 'M_m, row_perm p U = U *m A}.

Let B := row_base U.
Let C := B *m pinvmx U.
Definition on_rows (p : 'S_n) : 'M[F]_(\rank U) := C *m row_perm p U *m pinvmx B.

Let CU : C *m U = B.
Proof. by rewrite mulmxKpV // eq_row_base. Qed.

Let on_rowsB p : on_rows p *m B = C *m row_perm p U.
Proof.
rewrite /on_rows mulmxKpV // eq_row_base row_permE mulmxA; exact: submxMl.
Qed.

Let injB (P Q : 'M[F]_(\rank U)) : P *m B = Q *m B -> P = Q.
Proof. exact: row_free_inj (row_base_free U) _ _. Qed.

Lemma on_rows_repr : mx_repr K on_rows.
Proof.
split; first by apply: injB; rewrite on_rowsB row_perm1 CU mul1mx.
move=> p q Kp Kq; have [A qA] := linear_on_rows Kq.
have qB : on_rows q *m B = B *m A by rewrite on_rowsB qA mulmxA CU.
apply: injB; rewrite -[RHS]mulmxA qB mulmxA !on_rowsB row_permM qA.
by rewrite !row_permE !mulmxA.
Qed.

Definition rows_representation := MxRepresentation on_rows_repr.

Lemma on_rows1 p : p \in K -> on_rows p = 1%:M -> row_perm p U = U.
Proof.
move=> Kp p1; have [A pA] := linear_on_rows Kp.
have BA : B *m A = B by rewrite -CU -mulmxA -pA -on_rowsB p1 mul1mx.
have /submxP[D UD] : (U <= B)%MS by rewrite eq_row_base.
by rewrite pA UD -mulmxA BA.
Qed.

End RowSpace.

Section Models.

Variables (F : fieldType) (X : Type).
Hypothesis char0 : [char F] =i pred0.

(* r blocks of size m; h j is the row of block j. *)
Definition block_act Y r m (A : Y -> X -> 'I_r -> 'M[F]_m) (b : Y -> X -> 'I_r -> 'rV[F]_m) (y : Y) (x : X)
    (h : 'I_r -> 'rV[F]_m) : 'I_r -> 'rV[F]_m := fun j => h j *m A y x j + b y x j.

(* The states of a model; the arguments: the sizes of the blocks, from the top layer down. *)
Inductive block_model : Type -> seq nat -> Type :=
| Input : block_model unit [::]
| Blocks S ms (lower : block_model S ms) r m (A : S -> X -> 'I_r -> 'M[F]_m) (b : S -> X -> 'I_r -> 'rV[F]_m) :
    block_model (S * {ffun 'I_r -> 'rV[F]_m}) (m :: ms).

Fixpoint bstep S ms (M : block_model S ms) : S -> X -> S :=
  match M with
  | Input => fun s _ => s
  | Blocks _ _ lower _ _ A b => fun s x => (bstep lower s.1 x, [ffun j => s.2 j *m A s.1 x j + b s.1 x j])
  end.

Definition brun S ms (M : block_model S ms) (s : S) (w : seq X) : S := foldl (bstep M) s w.

Lemma brun_cat S ms (M : block_model S ms) s u v : brun M s (u ++ v) = brun M (brun M s u) v.
Proof. exact: foldl_cat. Qed.

Definition btracks S ms (M : block_model S ms) (s0 : S) (gT : finGroupType) (decode : S -> gT) (tok : X -> gT) : Prop :=
  forall w, decode (brun M s0 w) = product tok w.

Definition finitely_many S ms (M : block_model S ms) (s0 : S) : Prop :=
  exists n (t : 'I_n -> S), forall w, exists i, brun M s0 w = t i.

(* A word acts on the blocks of the top layer, over one state of the lower layers, by one affine map each. *)
Lemma brun_blocks S ms (lower : block_model S ms) r m (A : S -> X -> 'I_r -> 'M[F]_m) b s w :
  exists (P : 'I_r -> 'M[F]_m) (q : 'I_r -> 'rV[F]_m), forall h,
    brun (Blocks lower A b) (s, h) w = (brun lower s w, [ffun j => h j *m P j + q j]).
Proof.
elim: w s => [|x w IH] s.
  exists (fun=> 1%:M), (fun=> 0) => h; congr (_, _); apply/ffunP=> j; by rewrite ffunE mulmx1 addr0.
have [P [q Pq]] := IH (bstep lower s x).
exists (fun j => A s x j *m P j), (fun j => b s x j *m P j + q j) => h.
rewrite /brun /= in Pq *; rewrite Pq; congr (_, _); apply/ffunP=> j.
by rewrite !ffunE mulmxDl mulmxA addrA.
Qed.

Section Centred.

Variables (n m : nat) (K : {group 'S_n}) (h : 'I_n -> 'rV[F]_m) (i0 : 'I_n).
Let O := orbit 'P K i0.
Let centroid := (#|O|%:R)^-1 *: \sum_(i in O) h i.
Definition centred : 'M[F]_(n, m) := \matrix_(i < n) (if i \in O then h i - centroid else 0).

Lemma row_of_perm (p : 'S_n) (U : 'M[F]_(n, m)) i : row i (row_perm p U) = row (p i) U.
Proof. by apply/rowP=> j; rewrite !mxE. Qed.

Let in_orbit p i : p \in K -> (p i \in O) = (i \in O).
Proof. by move=> Kp; rewrite /O -[p i]/(aperm i p) orbit_actr. Qed.

Let card0 : #|O|%:R != 0 :> F.
Proof.
rewrite ((charf0P F).1 char0) -lt0n; apply/card_gt0P; exists i0; exact: orbit_refl.
Qed.

(* Where p acts on the rows of the orbit by an affine map, it acts on the centred rows by its linear part. *)
Lemma centred_linear (P : 'M[F]_m) q p : p \in K -> {in O, forall i, h (p i) = h i *m P + q} ->
  row_perm p centred = centred *m P.
Proof.
move=> Kp hp.
have fixed : centroid *m P + q = centroid.
  have -> : q = #|O|%:R^-1 *: \sum_(i in O) q by rewrite sumr_const -scaler_nat scalerA mulVf ?scale1r.
  rewrite /centroid -scalemxAl -scalerDr mulmx_suml -big_split /=; congr (_ *: _).
  rewrite [RHS](reindex_onto p (p^-1)%g) => [|i _]; last exact: permKV.
  apply: eq_big => [i | i Oi]; last by rewrite hp.
  by rewrite in_orbit // permK eqxx andbT.
apply/row_matrixP=> i; rewrite row_of_perm row_mul !rowK in_orbit //; case: ifP => [Oi | _]; last by rewrite mul0mx.
by rewrite hp // mulmxBl -{1}fixed opprD addrACA subrr addr0.
Qed.

(* ... and where it fixes the centred rows it fixes the rows. *)
Lemma centred_fixed p : p \in K -> row_perm p centred = centred -> h (p i0) = h i0.
Proof.
move=> Kp /row_matrixP/(_ i0); rewrite row_of_perm !rowK in_orbit // orbit_refl.
exact: addIr.
Qed.

End Centred.

(* The states t of a model, permuted by words: the group of the permutations has a series with linear factors down to those that do
   nothing to the states. [e] makes the argument constructive: it is any equation that the reader wants to prove. *)
Lemma block_core (e : bool) S ms (M : block_model S ms) n (t : 'I_n -> S) (G : {group 'S_n}) :
  {in G, forall p : 'S_n, exists w, forall i, brun M (t i) w = t (p i)} ->
  ((exists2 N : {group 'S_n}, block_series F ms G N & forall p, p \in N <-> p \in G /\ forall i, t (p i) = t i) -> e) -> e.
Proof.
elim: S ms / M t => [|S ms lower IH r m A b] t words next.
  by apply: next; exists G => // p; split=> [Gp | []//]; split=> // i; case: (t _); case: (t _).
apply: (IH (fun i => (t i).1)) => [p /words [w tw] | [K sK inK]].
  exists w => i; have := tw i; case: (t i) => s h /=.
  by have [P [q ->]] := brun_blocks lower A b s w; move/(congr1 fst).
apply: (@enumerate _ e (enum 'S_n) (fun p => p \in G /\ forall i, t (p i) = t i)) => [p _ | [L _ inL]].
  by rewrite mem_enum.
have gN : group_set [set p in L].
  apply/group_setP; split=> [|p q]; rewrite !inE; first by apply/inL; split=> // i; rewrite perm1.
  move=> /inL [Gp pt] /inL [Gq qt]; apply/inL; split=> [|i]; first exact: groupM.
  by rewrite permM qt.
pose N := group gN.
have inN p : p \in N <-> p \in G /\ forall i, t (p i) = t i by rewrite /N inE; apply: inL.
apply: next; exists N => //=; exists K => //; split.
  apply/andP; split.
    apply/subsetP=> p /inN [Gp pt]; apply/inK; split=> // i; by rewrite pt.
  apply/subsetP=> g /inK [Gg _]; rewrite inE; apply/subsetP=> _ /imsetP[p /inN [Gp pt] ->].
  apply/inN; split=> [|i]; first by rewrite groupJ.
  have [w tw] := words g Gg; rewrite conjgE !permM -tw pt tw -permM mulVg.
  by rewrite perm1.
have inKG p : p \in K -> p \in G by case/inK.
have same p i : p \in K -> (t (p i)).1 = (t i).1 by case/inK=> _ /(_ i).
pose U (i : 'I_n * 'I_r) := centred K (fun k => (t k).2 i.2) i.1.
have linear i p : p \in K -> exists P : 'M_m, row_perm p (U i) = U i *m P.
  move=> Kp; have [w tw] := words p (inKG p Kp); have [P [q Pq]] := brun_blocks lower A b (t i.1).1 w.
  exists (P i.2); apply: (centred_linear (q := q i.2)) => // k.
  case/orbitP=> g Kg <-; rewrite /= apermE; set k' := g _.
  have sk : (t k').1 = (t i.1).1 by apply: same.
  have := tw k'; rewrite [t k']surjective_pairing sk Pq => /(congr1 snd) /= <-.
  by rewrite ffunE.
exists _, K, id, _, (fun i => \rank (U i)), (fun i => rows_representation (linear i)); split=> //.
- by rewrite imset_id.
- by move=> i; apply: rank_leq_col.
move=> p Kp triv; apply/inN; split=> [|i]; first exact: inKG.
rewrite [LHS]surjective_pairing [RHS]surjective_pairing same //; congr (_, _); apply/ffunP=> j.
apply: (@centred_fixed _ _ K (fun k => (t k).2 j) i p Kp).
exact: (on_rows1 (linear (i, j)) Kp (triv (i, j))).
Qed.

Section Necessity.

Variables (S : Type) (ms : seq nat) (M : block_model S ms) (s0 : S).
Hypothesis finite : finitely_many M s0.
Variables (gT : finGroupType) (decode : S -> gT) (tok : X -> gT) (G : {group gT}).
Hypothesis tracked : btracks M s0 decode tok.
Hypothesis generated : generated_by tok G.

(* Necessity: G has a series down to 1 whose factors are quotients of subgroups of products of finite linear groups of degree at
   most m_i. Constructively: every Boolean that follows from it is true. *)
Theorem block_necessity (e : bool) : (block_series F ms G 1%G -> e) -> e.
Proof.
move=> next; have [n0 [t0 cov0]] := finite; have [tokG onto] := generated.
have prodG w : product tok w \in G by rewrite /product; apply: group_prod.
apply: (@least e (fun n => exists u (t : 'I_n -> S), forall w, exists i, brun M s0 (w ++ u) = t i) n0).
  by exists [::], t0 => w; rewrite cats0.
move=> n [u [t cov]] smallest.
have fewer (j : 'I_n) u' (t' : 'I_n -> S) : (forall w, exists2 i, i != j & brun M s0 (w ++ u') = t' i) -> False.
  move=> hit; apply: (smallest n.-1); first by rewrite ltn_predL (leq_ltn_trans _ (ltn_ord j)).
  exists u', (fun i => t' (lift j i)) => w; have [i ij near] := hit w.
  by case: (unliftP j i) ij near => [k -> _ near | -> /eqP //]; exists k.
apply: (@for_each e n (fun i => exists w, brun M s0 (w ++ u) = t i)) => [i nexti | hit].
  apply: (@by_cases e (exists w, brun M s0 (w ++ u) = t i)) => -[/nexti // | none].
  case: (fewer i u t) => w; have [j near] := cov w; exists j => //.
  by apply/eqP=> ji; apply: none; exists w; rewrite near ji.
have perm_of v : exists p : 'S_n, forall i, brun M (t i) (v ++ u) = t (p i).
  have [f ft] : exists f : 'I_n -> 'I_n, forall i, brun M (t i) (v ++ u) = t (f i).
    apply: (@fin_all_exists _ (fun=> 'I_n) (fun i j => brun M (t i) (v ++ u) = t j)) => i.
    by have [w <-] := hit i; have [j near] := cov (w ++ u ++ v); exists j; rewrite -near -!brun_cat -!catA.
  have f_onto j : exists i, f i == j.
    apply/existsP; apply: contraT; rewrite negb_exists => /forallP f_j.
    case: (fewer j (u ++ v ++ u) t) => w; have [i near] := cov w.
    by exists (f i); [exact: f_j | rewrite -ft -near -brun_cat -catA].
  have f_inj : injective f.
    suff /image_injP inj : #|image f predT| == #|'I_n| by move=> i i'; apply: inj.
    by apply/eqP/eq_card => j; have [i /eqP <-] := f_onto j; rewrite image_f.
  by exists (perm f_inj) => i; rewrite permE; apply: ft.
pose realised (p : 'S_n) := exists2 w, w = [::] \/ exists v, w = v ++ u & forall i, brun M (t i) w = t (p i).
apply: (@enumerate _ e (enum 'S_n) realised) => [p _ | [L _ inL]]; first by rewrite mem_enum.
have gG : group_set [set p in L].
  apply/group_setP; split=> [|p q]; rewrite !inE.
    by apply/inL; exists [::] => [|i]; [left | rewrite perm1].
  move=> /inL [w Ww pw] /inL [w' Ww' qw']; apply/inL; exists (w ++ w') => [|i]; last by rewrite brun_cat pw qw' permM.
  by case: Ww' => [-> | [v ->]]; [rewrite cats0 | right; exists (w ++ v); rewrite catA].
pose Gamma := group gG.
have [val valp] : exists val : 'S_n -> gT, forall p, p \in Gamma ->
    exists2 w, forall i, brun M (t i) w = t (p i) & product tok w = val p.
  apply: (@fin_all_exists _ (fun=> gT) (fun p g => p \in Gamma ->
    exists2 w, forall i, brun M (t i) w = t (p i) & product tok w = g)) => p.
  have [Gp | no] := boolP (p \in Gamma); last by exists 1%g.
  by move: (Gp); rewrite inE => /inL [w _ pw]; exists (product tok w) => _; exists w.
have [i0 /= near0] := cov [::].
have unique w w' : (forall i, brun M (t i) w = brun M (t i) w') -> product tok w = product tok w'.
  move/(_ i0); rewrite -near0 -2!brun_cat => /(congr1 decode); rewrite 2!tracked 2!product_cat; exact: mulgI.
have valM : {in Gamma &, {morph val : p q / (p * q)%g}}.
  move=> p q Gp Gq; have [w pw <-] := valp p Gp; have [w' qw' <-] := valp q Gq.
  have [w'' pqw <-] := valp _ (groupM Gp Gq); rewrite -product_cat; apply: unique => i.
  by rewrite pqw brun_cat pw qw' permM.
pose f := Morphism valM.
apply: (@block_core e _ _ M n t Gamma) => [p | [N sN inN]].
  by rewrite inE => /inL [w _ pw]; exists w.
apply: next; have NG := block_series_sub sN.
have -> : G = (f @* Gamma)%G.
  apply: group_inj; apply/eqP; rewrite eqEsubset; apply/andP; split; apply/subsetP=> g; last first.
    case/morphimP=> p _ Gp -> /=; have [w _ <-] := valp p Gp; exact: prodG.
  move=> Gg; have [v gv] := onto (g * (product tok u)^-1)%g (groupM Gg (groupVr (prodG u))).
  have [p pv] := perm_of v; have Gp : p \in Gamma by rewrite inE; apply/inL; exists (v ++ u) => //; right; exists v.
  have [w pw valw] := valp p Gp; suff -> : g = f p by apply: mem_morphim.
  rewrite /= -valw (unique w (v ++ u)) => [|i]; last by rewrite pw pv.
  by rewrite product_cat gv mulgKV.
have -> : 1%G = (f @* N)%G.
  apply: group_inj; apply/eqP; rewrite eq_sym -subG1; apply/subsetP=> _ /morphimP[p Gp /inN [_ pt] ->].
  have [w pw /= <-] := valp p Gp; rewrite inE (unique w [::]) ?/product ?big_nil // => i.
  by rewrite pw pt.
exact: block_series_morphim sN.
Qed.

End Necessity.

End Models.

(* Sufficiency: a layer holds, row by row, the matrices of an element of T; a token multiplies them by the matrices of a lift. *)
Section Sufficiency.

Variables (F : fieldType) (X : Type) (gT : finGroupType) (tok : X -> gT).

(* After every word the product is in N * decode(state). *)
Definition knows (N : {set gT}) S ms (M : block_model F X S ms) s0 (decode : S -> gT) : Prop :=
  forall w, (product tok w * (decode (brun M s0 w))^-1)%g \in N.

Section OneLayer.

Variables (S : Type) (ms : seq nat) (lower : block_model F X S ms) (s0 : S) (decode : S -> gT) (K N : {group gT}) (m : nat).
Hypothesis known : knows K lower s0 decode.
Variables (tT : finGroupType) (T : {group tT}) (phi : tT -> gT) (I : finType) (d : I -> nat)
  (rho : forall i, mx_representation F T (d i)).
Hypotheses (mphi : {in T &, {morph phi : x y / (x * y)%g}}) (img : phi @: T = K) (deg : forall i, (d i <= m)%N).
Hypothesis ker : {in T, forall x, (forall i, rho i x = 1%:M) -> phi x \in N}.

Let J := {i : I & 'I_(d i)}.
Let wide i : 'M[F]_(d i, m) := pid_mx (d i).
Let tall i : 'M[F]_(m, d i) := pid_mx (d i).
Let a_row (j : J) t : 'rV[F]_m := row (tagged j) (rho (tag j) t) *m wide (tag j).
Let matrix i t : 'M[F]_m := tall i *m rho i t *m wide i.

Let wide_tall i : wide i *m tall i = 1%:M.
Proof. by rewrite /wide /tall mul_pid_mx minnn (minn_idPr (deg i)) pid_mx_1. Qed.

Let a_rowM (j : J) t u : t \in T -> u \in T -> a_row j t *m matrix (tag j) u = a_row j (t * u)%g.
Proof.
move=> Tt Tu; rewrite /a_row /matrix repr_mxM // row_mul !mulmxA.
by rewrite -(mulmxA _ (wide _)) wide_tall mulmx1.
Qed.

Let lift g := odflt 1%g [pick t in T | phi t == g].
Let liftP g : g \in K -> lift g \in T /\ phi (lift g) = g.
Proof.
rewrite -img => /imsetP[t Tt ->]; rewrite /lift; case: pickP => [u /andP[Tu /eqP ut] | /(_ t)]; first by [].
by rewrite Tt eqxx.
Qed.

Let step_by s x := (decode s * tok x * (decode (bstep lower s x))^-1)%g.
Let rows t : {ffun 'I_#|{: J}| -> 'rV[F]_m} := [ffun j => a_row (enum_val j) t].
Definition one_layer : block_model F X (S * {ffun 'I_#|{: J}| -> 'rV[F]_m}) (m :: ms) :=
  Blocks lower (fun s x j => matrix (tag (enum_val j)) (lift (step_by s x))) (fun _ _ _ => 0).
Definition one_start := (s0, rows (lift (decode s0)^-1%g)).
Definition one_decode (s : S * {ffun 'I_#|{: J}| -> 'rV[F]_m}) : gT :=
  (phi (odflt 1%g [pick t in T | rows t == s.2]) * decode s.1)%g.

Let held w : exists2 t, t \in T & phi t = (product tok w * (decode (brun lower s0 w))^-1)%g /\
  brun one_layer one_start w = (brun lower s0 w, rows t).
Proof.
elim/last_ind: w => [|w x [t Tt [pt run_w]]].
  have K0 := known [::]; rewrite /product big_nil mul1g /= in K0 *.
  have [Tl pl] := liftP K0; by exists (lift (decode s0)^-1%g).
set s := brun lower s0 w in pt run_w *.
have lower_wx : brun lower s0 (rcons w x) = bstep lower s x by rewrite -cats1 brun_cat.
have prod_wx : product tok (rcons w x) = (product tok w * tok x)%g.
  by rewrite -cats1 product_cat {2}/product big_seq1.
have eq_wx : (product tok (rcons w x) * (decode (bstep lower s x))^-1 = phi t * step_by s x)%g.
  by rewrite pt /step_by prod_wx !mulgA mulgKV.
have Kt : phi t \in K by rewrite -img imset_f.
have Ks : step_by s x \in K.
  by rewrite -(groupMl _ Kt) -eq_wx -lower_wx; apply: known.
have [Tl pl] := liftP Ks; exists (t * lift (step_by s x))%g; first exact: groupM.
rewrite lower_wx eq_wx mphi // pl; split=> //.
rewrite -cats1 brun_cat run_w /brun /=; congr (_, _); apply/ffunP=> j.
by rewrite !ffunE addr0 a_rowM.
Qed.

Lemma knows_layer : knows N one_layer one_start one_decode.
Proof.
move=> w; have [t Tt [pt ->]] := held w; rewrite /one_decode /=.
case: pickP => [u /andP[Tu /eqP/ffunP ut] | /(_ t)]; last by rewrite Tt eqxx.
rewrite /= invMg mulgA -pt.
have same i : rho i u = rho i t.
  apply/row_matrixP=> k; have := ut (enum_rank (Tagged (fun i => 'I_(d i)) k)).
  rewrite !ffunE enum_rankK /a_row /= => /(congr1 (mulmx^~ (tall i))).
  by rewrite -!mulmxA wide_tall !mulmx1.
have TuV : (u^-1)%g \in T by rewrite groupV.
have -> : (phi t * (phi u)^-1 = phi (t * u^-1))%g.
  have puV : (phi u * phi u^-1 = 1)%g.
    by rewrite -mphi // mulgV; apply: (mulgI (phi 1%g)); rewrite -mphi // !mulg1.
  by rewrite mphi //; congr (_ * _)%g; apply: (mulgI (phi u)); rewrite mulgV.
apply: ker => [|i]; first exact: groupM.
by rewrite repr_mxM // -same -repr_mxM // mulgV repr_mx1.
Qed.

Lemma finite_layer : finitely_many lower s0 -> finitely_many one_layer one_start.
Proof.
case=> n [t tn]; exists #|{: 'I_n * tT}|, (fun k => (t (enum_val k).1, rows (enum_val k).2)) => w.
have [u _ [_ ->]] := held w; have [i ->] := tn w.
by exists (enum_rank (i, u)); rewrite enum_rankK.
Qed.

End OneLayer.

Variable G : {group gT}.
Hypothesis tokG : forall x, tok x \in G.

Lemma series_model ms (N : {group gT}) : block_series F ms G N ->
  exists S (M : block_model F X S ms) s0 (decode : S -> gT), knows N M s0 decode /\ finitely_many M s0.
Proof.
elim: ms N => [|m ms IH] N /=.
  move=> ->; exists unit, (Input F X), tt, (fun=> 1%g); split.
    by move=> w; rewrite invg1 mulg1 /product; apply: group_prod.
  by exists 1%N, (fun=> tt) => w; exists ord0; case: (brun _ _ _).
case=> K /IH [S [M [s0 [decode [known fin]]]]] [_ [tT [T [phi [I [d [rho [mphi img deg ker]]]]]]]].
have k1 := knows_layer known mphi img deg ker.
have f1 : finitely_many (one_layer M decode m phi rho) (one_start s0 decode m phi rho).
  by eapply finite_layer; eassumption.
by do 4 eexists; split; [exact: k1 | exact: f1].
Qed.

(* Sufficiency: a series down to 1 whose factors are quotients of subgroups of products of finite linear groups. *)
Theorem block_sufficiency ms : block_series F ms G 1%G ->
  exists S (M : block_model F X S ms) s0 (decode : S -> gT), finitely_many M s0 /\ btracks M s0 decode tok.
Proof.
case/series_model=> S [M [s0 [decode [known fin]]]]; exists S, M, s0, decode; split=> // w.
by have := known w; rewrite inE => /eqP /(congr1 (mulg^~ (decode (brun M s0 w)))); rewrite mulgKV mul1g.
Qed.

End Sufficiency.
