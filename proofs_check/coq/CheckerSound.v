(* What the checker accepts is true.

   [check_tracks t = true -> tracks_on_all_words t]: the cascade that the tables t describe, which is one of Cascade.v, tracks
   the group that its tokens generate, on words of every length; the group has exactly the elements listed; and no stack of
   fewer layers than [bound_layers t], of the family's exponent, tracks it (see no_fewer_layers).
   [check_never t = true -> never_tracked t]: no number of layers of the exponent tracks the group.

   Hypotheses: none, beside that the numbers are those of the file: that is the exporter's part (docs/theorem.md). *)

From Coq Require Import List NArith FMapPositive Lia.
From Subnormal Require Import Checker.
From mathcomp Require Import all_ssreflect all_fingroup all_algebra.
From Subnormal Require Import Exponents Stack Necessity Cascade Models CheckerArrays CheckerCascade.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GroupScope.

Lemma get_all_entries A (default : A) l is_ xs : get_all (array_of l) is_ = Some xs ->
  xs = List.map (entry default l) is_.
Proof.
elim: is_ xs => [|i is_ IH] xs /=; first by case.
rewrite get_array; case E: List.nth_error => [x|] //; case F: get_all => [ys|] // [<-].
by rewrite (IH ys F) /entry (List.nth_error_nth _ _ _ E).
Qed.

(* Number x in a list of permutations. *)
Definition permutation (d : N) (l : list Checker.row) (x : N) : {perm 'I_(N.to_nat d)} := perm_of d (entry [::] l x).

Lemma In_combine A B (l : list A) (l' : list B) k a b :
  List.nth_error l k = Some a -> List.nth_error l' k = Some b -> List.In (a, b) (List.combine l l').
Proof.
elim: l l' k => [|x l IH] [|y l'] [|k] //=; first by move=> [->] [->]; left.
by move=> la lb; right; apply: IH la lb.
Qed.

Lemma NoDup_uniq (T : eqType) (l : list T) : List.NoDup l -> uniq l.
Proof.
elim=> //= x l' nin _ ->; rewrite andbT; apply/negP=> xin; apply: nin.
by elim: l' xin => //= y l' IH; rewrite inE => /orP [/eqP -> | /IH]; [left | right].
Qed.

Lemma In_mem (T : eqType) (x : T) l : List.In x l <-> x \in l.
Proof.
elim: l => //= y l IH; rewrite inE; split=> [[-> | /IH ->] | /orP [/eqP -> | /IH]]; rewrite ?eqxx ?orbT //; auto.
Qed.

Section Tracks.

Variable t : tracks_tables.
Local Notation d := (degree t).
Local Notation ls := (List.rev (Checker.layers t)).
Local Notation m := (List.length (alphabet t)).

Definition token (x : 'I_m) : {perm 'I_(N.to_nat d)} := permutation d (elements t) (entry 0%num (alphabet t) (N.of_nat x)).
Definition group : {group {perm 'I_(N.to_nat d)}} := <<[set token x | x : 'I_m]>>%G.
Definition the_cascade := it (build m ls).
Definition initial := zero (build m ls).
Definition decoded (s : states (build m ls)) : {perm 'I_(N.to_nat d)} :=
  permutation d (elements t) (entry 0%num (decode t) (Checker.number ls (code s))).

Record tracks_on_all_words : Prop := {
  tracks_words : ctracks the_cascade initial decoded token;
  generated_tokens : generated_by token group;
  group_listed : forall g, g \in group <-> exists2 p, List.In p (elements t) & g = perm_of d p;
  group_order : #|group| = List.length (elements t);
  states_order : #|states (build m ls)| = List.length (elements t);
  layers_number : Cascade.layers the_cascade = List.length (Checker.layers t);
  layers_exponents : exponents the_cascade [seq N.to_nat (exponent L) | L <- ls];
  fewer_layers : forall k, (k < N.to_nat (bound_layers t))%N -> V group (nseq k (N.to_nat (bound_exponent t))) <> 1 :> {set _} }.

Lemma check_layer_sound k lower L : check_layer k lower L ->
  moduli_ok (moduli L) /\ forall n, List.In n (moduli L) -> N.modulo (exponent L) n = 0%num.
Proof.
move=> /andP[/andP[_ /List.forallb_forall two] /List.forallb_forall kills]; split=> n nin.
  by apply/N.leb_le; apply: two.
by apply/N.eqb_eq; apply: kills.
Qed.

Lemma check_layers_sound k lower l n : check_layers k lower l n ->
  [/\ layers_ok l, forall L, List.In L l -> forall n, List.In n (moduli L) -> N.modulo (exponent L) n = 0%num &
      n = List.fold_right (fun L n => size_of L * n)%num lower l].
Proof.
elim: l lower => [|L l IH] lower /=; first by move/N.eqb_eq => <-; split.
move=> /andP[/andP[/check_layer_sound [two kills] _] /IH [ok all_kill ->]]; split.
- by move=> L' [<- | /ok].
- by move=> L' [<- | /all_kill].
elim: l {IH ok all_kill} => [|L' l IH] /=; first exact: N.mul_comm.
by rewrite IH !N.mul_assoc; congr (_ * _)%num; exact: N.mul_comm.
Qed.

Lemma fold_rev (l : list layer) : List.fold_right (fun L n => size_of L * n)%num 1%num (List.rev l) =
  List.fold_right (fun L n => size_of L * n)%num 1%num l.
Proof.
have cat l1 l2 a : List.fold_right (fun L n => size_of L * n)%num a (l1 ++ l2) =
    List.fold_right (fun L n => size_of L * n)%num (List.fold_right (fun L n => size_of L * n)%num a l2) l1.
  exact: List.fold_right_app.
have out l1 a : List.fold_right (fun L n => size_of L * n)%num a l1 =
    (a * List.fold_right (fun L n => size_of L * n)%num 1 l1)%num.
  elim: l1 => [|L l1 IH] /=; first by rewrite N.mul_1_r.
  by rewrite IH !N.mul_assoc; congr (_ * _)%num; exact: N.mul_comm.
elim: l => //= L l IH; by rewrite cat /= out IH N.mul_1_r.
Qed.

Theorem check_tracks_sound : check_tracks t -> tracks_on_all_words.
Proof.
rewrite /check_tracks; case Eg: get_all => [gens|] //; case Ea: get_all => [tokens|] //; case Ed: get_all => [rows_|] //.
move=> /andP[/andP[/andP[/andP[/andP[/andP[/andP[group_ok gens_tokens] layers_ok_] _] start_ok] steps_ok] _] bound_ok].
have [d0 good_e e0 nodup reach] := check_group_sound group_ok.
have [ok kills card] := check_layers_sound layers_ok_.
have ok_rev : layers_ok ls by move=> L Lin; apply: ok; apply/List.in_rev.
have tokens_E := get_all_entries [::] Ea; have rows_E := get_all_entries [::] Ed.
have In_tokens p : List.In p tokens -> List.In p (elements t).
  by case/(get_all_In Ea) => i _; apply: List.nth_error_In.
have lookup l l' default k p : l' = List.map (entry [::] (elements t)) l -> List.nth_error l' k = Some p ->
    p = entry [::] (elements t) (entry default l (N.of_nat k)).
  move=> ->; rewrite List.nth_error_map; case E: List.nth_error => [i|] //= [<-].
  by rewrite /entry Nnat.Nat2N.id (List.nth_error_nth _ _ default E).
have token_row (x : 'I_m) : exists p, [/\ List.nth_error tokens x = Some p, List.In p (elements t) & token x = perm_of d p].
  have lt : (x < List.length tokens)%coq_nat by rewrite tokens_E List.map_length; apply/ltP.
  case E: (List.nth_error tokens x) => [p|]; last by move/List.nth_error_None: E; lia.
  exists p; split=> //; first by apply: In_tokens; apply: List.nth_error_In E.
  by rewrite /token /permutation (lookup _ _ 0%num _ _ tokens_E E).
have decoded_row k p : get (array_of rows_) k = Some p ->
    List.In p (elements t) /\ permutation d (elements t) (entry 0%num (decode t) k) = perm_of d p.
  rewrite get_array => E; split; first by case: (get_all_In Ed (List.nth_error_In _ _ E)) => i _; apply: List.nth_error_In.
  by rewrite /permutation (lookup _ _ 0%num _ _ rows_E E) Nnat.N2Nat.id.
(* The checker's induction. *)
have start1 : decoded initial = 1.
  rewrite /decoded /initial code_zero number_start.
  case E: get start_ok => [p|] // /row_eqb_eq p1; have [_ ->] := decoded_row _ _ E.
  by rewrite p1 perm_of_range.
have steps (s : states (build m ls)) (x : 'I_m) : decoded (cstep the_cascade s x) = decoded s * token x /\
    exists2 p, List.In p (elements t) & decoded (cstep the_cascade s x) = perm_of d p.
  have [q [Eq q_in ->]] := token_row x.
  move/List.forallb_forall: steps_ok => /(_ (N.of_nat x, array_of q)) H.
  have /List.forallb_forall /(_ _ (code_all s ok_rev)) : forallb (fun s : list (list N) =>
     let '(i, s') := fast_next (List.map fast ls) s (N.of_nat x) in
     match get (array_of rows_) i, get (array_of rows_) (Checker.number ls s') with
     | Some p, Some p' => row_eqb (compose p (array_of q)) p'
     | _, _ => false
     end) (all_states ls).
    apply: H; apply: (@In_combine _ _ _ _ x); last by rewrite List.nth_error_map Eq.
    have lt : (x < List.length tokens)%N by rewrite tokens_E List.map_length.
    rewrite (List.nth_error_nth' _ 0%num) ?nth_range ?length_range ?Nnat.Nat2N.id //; exact/ltP.
  rewrite fast_next_correct.
  case E: get => [p|] //; case E': get => [p'|] // /row_eqb_eq pq.
  have [p_in Dp] := decoded_row _ _ E; have [p'_in Dp'] := decoded_row _ _ E'.
  rewrite /decoded {1}/the_cascade code_step // Dp Dp'; split; last by exists p'.
  by rewrite -pq perm_of_compose //; apply: good_e.
have tracked : ctracks the_cascade initial decoded token.
  by apply: cascade_induction => // s x; case: (steps s x).
have gen : generated_by token group by exact: generated_finite.
have first_in : List.In (range d) (elements t) by case: (elements t) e0 => //= p l [->]; left.
have group_in g : g \in group -> exists2 p, List.In p (elements t) & g = perm_of d p.
  case: gen => _ onto /onto [w <-]; rewrite -tracked.
  elim/last_ind: w => [|w x _]; first by exists (range d) => //; rewrite perm_of_range; exact: start1.
  rewrite /crun -cats1 foldl_cat /=; case: (steps (foldl (cstep the_cascade) initial w) x) => _ [p p_in ->].
  by exists p.
have in_group p : List.In p (elements t) -> perm_of d p \in group.
  move=> p_in; suff [] : good d p /\ perm_of d p \in group by [].
  apply: (reach (fun p => good d p /\ perm_of d p \in group)) p_in => [|r g [gr Gr] g_in].
    by split; [apply: good_range | rewrite perm_of_range group1].
  have [i i_in Ei] := get_all_In Eg g_in.
  move/List.forallb_forall: gens_tokens => /(_ _ i_in) /List.existsb_exists [j [j_in /N.eqb_eq ij]].
  have [x x_in Ex] := get_all_nth Ea j_in; rewrite -ij Ei in Ex; case: Ex => gx; rewrite -{}gx in x_in.
  have good_g : good d g by apply/good_e/In_tokens.
  split; first exact: good_compose.
  rewrite perm_of_compose // groupM //.
  have [k Ek] := List.In_nth_error _ _ x_in.
  have lt : (k < m)%N.
    by apply/ltP; rewrite -(List.map_length (entry [::] (elements t))) -tokens_E; apply/List.nth_error_Some; rewrite Ek.
  have [g' [Eg' _ tokE]] := token_row (Ordinal lt); rewrite /= Ek in Eg'; case: Eg' => ->.
  by rewrite -tokE; case: gen.
have listed g : g \in group <-> exists2 p, List.In p (elements t) & g = perm_of d p.
  by split=> [/group_in | [p p_in ->]] //; apply: in_group.
split=> //.
- have uniq_l : uniq (List.map (@perm_of d) (elements t)).
    apply: NoDup_uniq; elim: (elements t) nodup good_e => [|p l IH] /=; first by constructor.
    move/List.NoDup_cons_iff=> [nin nodup_l] good_l; constructor; last by apply: IH => // q qin; apply: good_l; right.
    move/List.in_map_iff=> [q [/perm_of_inj pq qin]]; apply: nin.
    by rewrite -pq //; apply: good_l; [right | left].
  transitivity (size (List.map (@perm_of d) (elements t))); last exact: List.map_length.
  rewrite -(card_uniqP uniq_l).
  apply: eq_card => g; apply/idP/idP => [/group_in [p p_in ->] | ].
    by apply/In_mem; apply: List.in_map.
  by move/In_mem/List.in_map_iff => [p [<- p_in]]; apply: in_group.
- by rewrite card_build // fold_rev -card /len Nnat.Nat2N.id.
- by rewrite /the_cascade layers_build List.rev_length.
- by apply: exponents_build => // L Lin; apply: kills; apply/List.in_rev.
move=> k lt V1; move: bound_ok; rewrite /check_bound; case Ev: evaluate => [[p l]|] //; case: get => [q|] //.
move=> /andP[/andP[/andP[_ p_not_1] /N.eqb_eq l_bound] _].
have [gp pV] := evaluate_sound (A := group) good_e (fun r r_in _ => in_group r r_in) Ev.
have le_kl : (k <= l)%N by rewrite -ltnS -[l.+1]Nnat.Nat2N.id l_bound.
have := subsetP (V_more group (bound_exponent t) le_kl) _ pV; rewrite V1 => /set1gP p1.
have : p = range d by apply: (@perm_of_inj d) => //; [apply: good_range | rewrite perm_of_range].
by move=> pE; rewrite pE row_eqb_refl in p_not_1.
Qed.

End Tracks.

(* What a lower bound says: models and cascades with fewer layers do not track the group, over any alphabet. *)
Theorem no_fewer_layers (F : numFieldType) (X : Type) (gT : finGroupType) (G : {group gT}) m k (S : Type) (M : model F X S) s0
    (read : S -> gT) (tok : X -> gT) :
  V G (nseq k m) <> 1 :> {set _} -> multipliers M (nseq k m) -> finitely_many_states M s0 -> generated_by tok G ->
  ~ mtracks M s0 read tok.
Proof. by move=> V1 kM fin gen tr; apply: V1; apply: model_necessity tr _ _ kM gen. Qed.

Section Never.

Variable t : never_tables.
Local Notation d := (n_degree t).
Local Notation m := (N.to_nat (n_exponent t)).

Definition spanned (l : list N) : {group {perm 'I_(N.to_nat d)}} :=
  <<[set g in List.map (permutation d (n_elements t)) l]>>%G.

(* The group, and the subgroup that no number of layers gets below. *)
Definition never_group := spanned (n_generators t).
Definition residual := spanned (p_generators t).

Record never_tracked : Prop := {
  never_listed : forall p, List.In p (n_elements t) -> perm_of d p \in never_group;
  residual_not_1 : residual <> 1 :> {set _};
  residual_in_V : forall k, residual \subset V never_group (nseq k m);
  never_V : forall k, V never_group (nseq k m) <> 1 :> {set _} }.

Theorem check_never_sound : check_never t -> never_tracked.
Proof.
rewrite /check_never; case Eg: get_all => [gens|] //; case Ep: get_all => [pgens|] //.
move=> /andP[group_ok]; case Es: Checker.closure => [seen|] //.
move=> /andP[/andP[/andP[_ /List.existsb_exists [q [q_in q1]]] /N.eqb_eq len_eq] /List.forallb_forall words_ok].
have [d0 good_e e0 nodup reach] := check_group_sound group_ok.
have in_elements l l' p : get_all (array_of (n_elements t)) l = Some l' -> List.In p l' -> List.In p (n_elements t).
  by move=> E p_in; case: (get_all_In E p_in) => i _; apply: List.nth_error_In.
have in_span l l' p : get_all (array_of (n_elements t)) l = Some l' -> List.In p l' -> perm_of d p \in spanned l.
  move=> E p_in; have [i i_in Ei] := get_all_In E p_in; apply: mem_gen; rewrite inE; apply/In_mem/List.in_map_iff.
  by exists i; split=> //; rewrite /permutation /entry (List.nth_error_nth _ _ _ Ei).
have span_sub l l' (H : {group _}) : get_all (array_of (n_elements t)) l = Some l' ->
    (forall p, List.In p l' -> perm_of d p \in H) -> spanned l \subset H.
  move=> E sub; rewrite gen_subG; apply/subsetP=> g; rewrite inE => /In_mem/List.in_map_iff [i [<- i_in]].
  have [p p_in Ei] := get_all_nth E i_in.
  by rewrite /permutation /entry (List.nth_error_nth _ _ _ Ei); apply: sub.
have closed l l' p g : get_all (array_of (n_elements t)) l = Some l' -> good d p /\ perm_of d p \in spanned l -> List.In g l' ->
    good d (compose p (array_of g)) /\ perm_of d (compose p (array_of g)) \in spanned l.
  move=> E [gp Pp] g_in; have gg : good d g by apply/good_e/(in_elements _ _ _ E).
  by split; [apply: good_compose | rewrite perm_of_compose // groupM // (in_span _ _ _ E)].
have one l : good d (range d) /\ perm_of d (range d) \in spanned l.
  by split; [apply: good_range | rewrite perm_of_range group1].
have listed p : List.In p (n_elements t) -> perm_of d p \in never_group.
  move=> p_in; pose Q p := good d p /\ perm_of d p \in never_group.
  suff : Q p by case.
  by apply: (reach Q) p_in => [|r g Qr g_in]; [apply: one | apply: closed Eg Qr g_in].
have seen_P p : member seen p -> perm_of d p \in residual.
  suff all_seen : all_in (fun p : Checker.row => good d p /\ perm_of d p \in residual) seen by case/(member_sound all_seen).
  by apply: closure_sound Es => [|r g Qr g_in]; [apply: one | apply: closed Ep Qr g_in].
have words_in l p : Checker.product d (array_of (n_elements t)) (n_exponent t) (member seen) l = Some p ->
    good d p /\ perm_of d p \in D m residual.
  elim: l p => [|w l IH] p /=; first by case=> <-; split; [apply: good_range | rewrite perm_of_range group1].
  case Ew: evaluate => [[r [//|level]]|] //; case El: Checker.product => [r'|] // [<-].
  have [gr Vr] := evaluate_sound (A := residual) good_e (fun p _ => @seen_P p) Ew; have [gr' Dr'] := IH _ El.
  split; first exact: good_compose.
  rewrite perm_of_compose // groupM //; exact: (subsetP (V_more residual (n_exponent t) (ltn0Sn level))).
have residual_D : residual \subset D m residual.
  apply: (span_sub _ _ [group of D m residual] Ep) => p p_in.
  have [k Ek] := List.In_nth_error _ _ p_in.
  have : (k < List.length (p_products t))%coq_nat by rewrite -(Nnat.Nat2N.inj _ _ len_eq); apply/List.nth_error_Some; rewrite Ek.
  move/List.nth_error_Some; case Ew: List.nth_error => [words|] // _.
  have := words_ok _ (In_combine Ek Ew); case Er: Checker.product => [r|] // /row_eqb_eq /= <-.
  by case: (words_in _ _ Er).
have residual_V k : residual \subset V never_group (nseq k m).
  elim: k => [|k IH]; first by apply: (span_sub _ _ _ Ep) => p /(in_elements _ _ _ Ep) /listed.
  exact: subset_trans residual_D (DS m IH).
have residual1 : residual <> 1 :> {set _}.
  move=> P1; have := in_span _ _ _ Ep q_in; rewrite -/residual P1 => /set1gP q_is_1.
  have qE : q = range d.
    apply: (@perm_of_inj d); [apply/good_e/(in_elements _ _ _ Ep q_in) | apply: good_range |].
    by rewrite perm_of_range.
  by rewrite qE row_eqb_refl in q1.
split=> // k V1; apply: residual1; apply/trivgP; rewrite -V1; exact: residual_V.
Qed.

End Never.

(* What [check] says of either kind of tables. *)
Definition holds (t : tables) : Prop := match t with Tracks t => tracks_on_all_words t | Never t => never_tracked t end.

Theorem check_sound t : check t -> holds t.
Proof. by case: t => t; [apply: check_tracks_sound | apply: check_never_sound]. Qed.

Theorem check_text_sound text : check_text text -> exists2 t, Checker.parse text = Some t & holds t.
Proof. by rewrite /check_text; case: (Checker.parse text) => [t|] // /check_sound; exists t. Qed.

(* The theorems that a folder gets, its figures filled in. *)
Theorem tracks_report t order layers_ least e : check_tracks t && figures t order layers_ least e ->
  [/\ ctracks (the_cascade t) (initial t) (@decoded t) (@token t),
      #|group t| = N.to_nat order, Cascade.layers (the_cascade t) = N.to_nat layers_ &
      forall k, (k < N.to_nat least)%N -> V (group t) (nseq k (N.to_nat e)) <> 1 :> {set _} ].
Proof.
move=> /andP[/check_tracks_sound ok /andP[/andP[/andP[/N.eqb_eq <- /N.eqb_eq <-] /N.eqb_eq <-] /N.eqb_eq <-]].
split; [exact: tracks_words ok | | | exact: fewer_layers ok]; rewrite Nnat.Nat2N.id.
  exact: group_order ok.
exact: layers_number ok.
Qed.

Theorem never_report t e : check_never t && (n_exponent t =? e)%num ->
  forall k, V (never_group t) (nseq k (N.to_nat e)) <> 1 :> {set _}.
Proof. by move=> /andP[/check_never_sound ok /N.eqb_eq <-]; apply: never_V ok. Qed.
