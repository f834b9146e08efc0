(* What the checker's arrays and rows mean: lookups are those of lists, rows are permutations. *)

From Coq Require Import List NArith FMapPositive Lia.
From Subnormal Require Import Checker.
From mathcomp Require Import all_ssreflect all_fingroup.
From Subnormal Require Import Exponents.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Lemma find_fill A (l : list A) i t j : PositiveMap.find j (fill i l t) =
  if (j <? i)%positive then PositiveMap.find j t
  else match List.nth_error l (Nat.sub (Pos.to_nat j) (Pos.to_nat i)) with Some x => Some x | None => PositiveMap.find j t end.
Proof.
elim: l i t => [|x l IH] i t /=; first by case: (_ <? _)%positive => //; case: (Nat.sub _ _).
rewrite IH; case: (Pos.ltb_spec j (Pos.succ i)) => ji; case: (Pos.ltb_spec j i) => ji'.
- by rewrite PositiveMap.gso //; lia.
- have -> : j = i by lia.
  by rewrite PositiveMap.gss PeanoNat.Nat.sub_diag.
- lia.
- have -> : Nat.sub (Pos.to_nat j) (Pos.to_nat i) = S (Nat.sub (Pos.to_nat j) (Pos.to_nat (Pos.succ i))) by lia.
  by rewrite /= PositiveMap.gso //; lia.
Qed.

Lemma get_array A (l : list A) i : get (array_of l) i = List.nth_error l (N.to_nat i).
Proof.
rewrite /get /array_of find_fill PositiveMap.gempty.
have -> : (N.succ_pos i <? 1)%positive = false by case: (Pos.ltb_spec (N.succ_pos i) 1) => //; lia.
have -> : Nat.sub (Pos.to_nat (N.succ_pos i)) (Pos.to_nat 1) = N.to_nat i.
  by case: i => [|p] /=; lia.
by case: (List.nth_error _ _).
Qed.

Lemma get_or_array A (default : A) (l : list A) i : get_or default (array_of l) i = List.nth (N.to_nat i) l default.
Proof.
rewrite /get_or get_array; elim: l (N.to_nat i) => [|x l IH] [|n] //=; exact: IH.
Qed.

Lemma get_all_sound A (l : list A) is_ xs : get_all (array_of l) is_ = Some xs ->
  List.length xs = List.length is_ /\ forall k default, (k < List.length is_)%N ->
    List.nth_error l (N.to_nat (List.nth k is_ 0%num)) = Some (List.nth k xs default).
Proof.
elim: is_ xs => [|i is_ IH] xs /=; first by case=> <-.
rewrite get_array; case E: (List.nth_error l (N.to_nat i)) => [x|] //; case F: (get_all _ _) => [ys|] // [<-].
have [len get] := IH ys F; split=> [|[|k] default lt]; rewrite /= ?len //; exact: get.
Qed.

Lemma get_all_In A (l : list A) is_ xs x : get_all (array_of l) is_ = Some xs -> List.In x xs ->
  exists2 i, List.In i is_ & List.nth_error l (N.to_nat i) = Some x.
Proof.
elim: is_ xs => [|i is_ IH] xs /=; first by case=> <-.
rewrite get_array; case E: (List.nth_error l (N.to_nat i)) => [y|] //; case F: (get_all _ _) => [ys|] // [<-].
case=> [<- | /(IH ys F) [j jin jx]]; first by exists i => //; left.
by exists j => //; right.
Qed.

Lemma get_all_nth A (l : list A) is_ xs i : get_all (array_of l) is_ = Some xs -> List.In i is_ ->
  exists2 x, List.In x xs & List.nth_error l (N.to_nat i) = Some x.
Proof.
elim: is_ xs => [|j is_ IH] xs //=.
rewrite get_array; case E: (List.nth_error l (N.to_nat j)) => [y|] //; case F: (get_all _ _) => [ys|] // [<-].
case=> [<- | /(IH ys F) [x xin jx]]; first by exists y => //; left.
by exists x => //; right.
Qed.

Lemma row_eqb_eq p q : row_eqb p q -> p = q.
Proof. by elim: p q => [|x p IH] [|y q] //= /andP[/N.eqb_eq -> /IH ->]. Qed.

Lemma row_eqb_refl p : row_eqb p p.
Proof. by elim: p => //= x p ->; rewrite N.eqb_refl. Qed.

(* ---- Rows as permutations of 'I_d ---- *)

Definition image (p : row) (i : nat) : nat := N.to_nat (List.nth i p 0%num).

Lemma length_count n i : List.length (Checker.count n i) = n.
Proof. by elim: n i => //= n IH i; rewrite IH. Qed.

Lemma nth_count n i k default : (k < n)%N -> List.nth k (Checker.count n i) default = (i + N.of_nat k)%num.
Proof.
elim: n i k => // n IH i [|k] lt; first by rewrite /= N.add_0_r.
by rewrite [LHS]/= IH //; lia.
Qed.

Lemma length_range d : List.length (range d) = N.to_nat d.
Proof. exact: length_count. Qed.

Lemma nth_range d k default : (k < N.to_nat d)%N -> List.nth k (range d) default = N.of_nat k.
Proof. by move=> lt; rewrite nth_count. Qed.

Lemma image_range d i : (i < N.to_nat d)%N -> image (range d) i = i.
Proof. by move=> lt; rewrite /image nth_range // Nnat.Nat2N.id. Qed.

Lemma In_range d x : (x < d)%num -> List.In x (range d).
Proof.
move=> lt; have xd : (N.to_nat x < N.to_nat d)%N by apply/ltP; lia.
by rewrite -[x]Nnat.N2Nat.id -(nth_range 0%num xd); apply: List.nth_In; rewrite length_range; apply/ltP.
Qed.

Lemma image_compose p q i : (i < List.length p)%N -> image (compose p (array_of q)) i = image q (image p i).
Proof.
move=> lt; rewrite /image /compose; congr N.to_nat.
rewrite (@List.nth_indep _ _ _ 0%num (get_or 0%num (array_of q) 0%num)); last by rewrite List.map_length; apply/ltP.
by rewrite List.map_nth get_or_array.
Qed.

Lemma length_compose p q : List.length (compose p q) = List.length p.
Proof. exact: List.map_length. Qed.

Lemma row_ext p q : List.length p = List.length q -> (forall i, (i < List.length p)%N -> image p i = image q i) -> p = q.
Proof.
elim: p q => [|x p IH] [|y q] //= [len] same; congr (_ :: _)%list.
  by apply: Nnat.N2Nat.inj; apply: (same 0%N).
by apply: IH => // i lt; apply: (same i.+1).
Qed.

Section Perm.

Variable d : N.
Local Notation n := (N.to_nat d).

Definition good (p : row) : Prop :=
  [/\ List.length p = n, forall i, (i < n)%N -> (image p i < n)%N &
      forall i j, (i < n)%N -> (j < n)%N -> image p i = image p j -> i = j].

Definition fun_of (p : row) (i : 'I_n) : 'I_n := insubd i (image p i).

Definition perm_of (p : row) : {perm 'I_n} :=
  if @idP (injectiveb (fun_of p)) is ReflectT inj then perm (elimT (injectiveP _) inj) else 1%g.

Lemma perm_ofE p i : good p -> perm_of p i = image p i :> nat.
Proof.
case=> _ lt inj; have E j : fun_of p j = image p j :> nat by rewrite val_insubd lt.
rewrite /perm_of; case: {-}_ / idP => [injb | []]; first by rewrite permE E.
by apply/injectiveP => j k /(congr1 val) /=; rewrite !E => /inj jk; apply: ord_inj; apply: jk.
Qed.

Lemma good_range : good (range d).
Proof.
split=> [|i lt|i j lt lt']; [exact: length_range | by rewrite image_range | by rewrite !image_range].
Qed.

Lemma perm_of_range : perm_of (range d) = 1%g.
Proof. by apply/permP=> i; apply: ord_inj; rewrite perm_ofE ?image_range ?perm1 //; exact: good_range. Qed.

Lemma good_compose p q : good p -> good q -> good (compose p (array_of q)).
Proof.
case=> lp ltp injp [lq ltq injq].
have E i : (i < n)%N -> image (compose p (array_of q)) i = image q (image p i) by rewrite -lp; apply: image_compose.
split=> [|i lt|i j lt lt']; first by rewrite length_compose.
  by rewrite E // ltq // ltp.
by rewrite !E // => /injq pp; apply: injp => //; apply: pp; apply: ltp.
Qed.

Lemma perm_of_compose p q : good p -> good q -> perm_of (compose p (array_of q)) = (perm_of p * perm_of q)%g.
Proof.
move=> gp gq; apply/permP=> i; apply: ord_inj; rewrite permM !perm_ofE //; last exact: good_compose.
by rewrite image_compose //; case: gp => -> _ _.
Qed.

Lemma perm_of_inj p q : good p -> good q -> perm_of p = perm_of q -> p = q.
Proof.
move=> gp gq pq; apply: row_ext; first by case: gp gq => -> _ _ [].
case: (gp) => -> _ _ i lt; by rewrite -(perm_ofE (Ordinal lt) gp) pq perm_ofE.
Qed.

Lemma inverse_sound p r : inverse d p = Some r ->
  [/\ good p, good r & perm_of r = (perm_of p)^-1%g].
Proof.
rewrite /inverse; set q := invert d p; case: ifP => // check [<-].
move: check => /andP[/andP[/N.eqb_eq len_p /List.forallb_forall small] /row_eqb_eq pq].
have lp : List.length p = n by rewrite -len_p /len Nnat.Nat2N.id.
have lq : List.length q = n by rewrite List.map_length length_range.
have ltp i : (i < n)%N -> (image p i < n)%N.
  move=> lt; have /small /N.ltb_lt : List.In (List.nth i p 0%num) p by apply: List.nth_In; rewrite lp; apply/ltP.
  by rewrite /image => ?; apply/ltP; lia.
have qp i : (i < n)%N -> image q (image p i) = i.
  by move=> lt; rewrite -image_compose ?lp // pq image_range.
have gp : good p.
  by split=> // i j lt lt' /(congr1 (image q)); rewrite !qp.
have back i : (i < n)%N -> exists2 j, (j < n)%N & image p j = i.
  move=> lt; exists ((perm_of p)^-1%g (Ordinal lt)); first exact: ltn_ord.
  by rewrite -perm_ofE // permKV.
have gq : good q.
  split=> // [i /back [j lt <-] | i j /back [i' lti <-] /back [j' ltj <-]]; first by rewrite qp.
  by rewrite !qp // => ->.
split=> //; apply: (mulgI (perm_of p)); rewrite mulgV -perm_of_compose // pq; exact: perm_of_range.
Qed.

Lemma is_permutation_sound p : is_permutation d p -> good p.
Proof. by rewrite /is_permutation; case E: inverse => // _; case: (inverse_sound E). Qed.

(* ---- Sets of rows ---- *)

Section Closure.

Variable Q : row -> Prop.
Definition all_in (s : rows) : Prop := forall k p, PositiveMap.find k s = Some p -> Q p.

Lemma member_sound s p : all_in s -> member s p -> Q p.
Proof. by rewrite /member => Qs; case E: PositiveMap.find => [q|] // /row_eqb_eq ->; apply: Qs E. Qed.

Lemma insert_sound s p : all_in s -> Q p -> all_in (insert s p).
Proof.
move=> Qs Qp k q; rewrite /insert; case: (Pos.eq_dec k (key p)) => [-> | ne].
  by rewrite PositiveMap.gss => -[<-].
by rewrite PositiveMap.gso //; apply: Qs.
Qed.

Lemma meet_sound l queue s : (forall p, List.In p l -> Q p) -> (forall p, List.In p queue -> Q p) -> all_in s ->
  let st := List.fold_left meet l (queue, s) in (forall p, List.In p st.1 -> Q p) /\ all_in st.2.
Proof.
elim: l queue s => [|p l IH] queue s Ql Qq Qs //=; rewrite {2 4}/meet /=.
have Ql' q : List.In q l -> Q q by move=> ql; apply: Ql; right.
case: (member s p); first exact: IH.
apply: IH => // [q [<- | /Qq //]|]; first by apply: Ql; left.
by apply: insert_sound => //; apply: Ql; left.
Qed.

Lemma explore_sound A (fuel : list A) by_ queue seen result :
  (forall p g, Q p -> List.In g by_ -> Q (compose p g)) ->
  (forall p, List.In p queue -> Q p) -> all_in seen -> explore fuel by_ queue seen = Some result -> all_in result.
Proof.
move=> step; elim: fuel queue seen => [|a fuel IH] [|p queue] seen Qq Qs /=; [by case=> <- | by [] | by case=> <- |].
have [||Qq' Qs'] := @meet_sound (List.map (compose p) by_) queue seen _ _ Qs.
- by move=> r /List.in_map_iff [g [<- gin]]; apply: step => //; apply: Qq; left.
- by move=> r rin; apply: Qq; right.
exact: IH Qq' Qs'.
Qed.

Lemma closure_sound A (fuel : list A) by_ result : Q (range d) ->
  (forall p g, Q p -> List.In g by_ -> Q (compose p (array_of g))) -> Checker.closure fuel d by_ = Some result -> all_in result.
Proof.
move=> Q1 step; apply: explore_sound.
- by move=> p g Qp /List.in_map_iff [h [<- hin]]; apply: step.
- by move=> p [<- // | []].
apply: insert_sound => // k p; by rewrite PositiveMap.gempty.
Qed.

End Closure.

Lemma all_different_sound l s : all_different l s ->
  List.NoDup l /\ forall p, List.In p l -> PositiveMap.find (key p) s = None.
Proof.
elim: l s => [|p l IH] s /=; first by split=> //; constructor.
case E: PositiveMap.find => // /IH [nodup new]; split.
  constructor=> // pin; have := new p pin; by rewrite /insert PositiveMap.gss.
move=> q [<- // | qin]; have := new q qin; rewrite /insert.
by case: (Pos.eq_dec (key q) (key p)) => [-> | ne]; [rewrite PositiveMap.gss | rewrite PositiveMap.gso].
Qed.

(* ---- Expressions: values of nested commutators and powers of elements of A lie in V A ---- *)

Section Evaluate.

Variables (A : {group {perm 'I_n}}) (e : list row) (m : N) (allowed : row -> bool).
Hypothesis good_e : forall p, List.In p e -> good p.
Hypothesis in_A : forall p, List.In p e -> allowed p -> perm_of p \in A.

Local Notation m' := (N.to_nat m).

Lemma V_more k l : (k <= l)%N -> V A (nseq l m') \subset V A (nseq k m').
Proof.
move/subnK <-; elim: (l - k)%N => // j IH; rewrite addSn /=.
exact: (subset_trans (D_sub m' (V A (nseq (j + k) m'))) IH).
Qed.

Lemma power_sound k p : good p -> good (power k p) /\ perm_of (power k p) = (perm_of p ^+ k.+1)%g.
Proof.
move=> gp; elim: k => [|k [gk pk]] /=; first by rewrite expg1.
split; first exact: good_compose.
by rewrite perm_of_compose // pk [RHS]expgSr.
Qed.

Lemma evaluate_sound t p l : evaluate d (array_of e) m allowed t = Some (p, l) ->
  good p /\ perm_of p \in V A (nseq l m').
Proof.
elim: t p l => [i | a IHa b IHb | a IHa] p l /=.
- rewrite get_array; case E: List.nth_error => [q|] //; case al: (allowed q) => // -[<- <-].
  have qe := List.nth_error_In _ _ E.
  by split; [apply: good_e | apply: in_A].
- case Ea: evaluate => [[pa la]|] //; case Eb: evaluate => [[pb lb]|] //.
  case Ei: inverse => [r|] // -[<- <-].
  have [ga Va] := IHa _ _ Ea; have [gb Vb] := IHb _ _ Eb; have [_ gr pr] := inverse_sound Ei.
  split; first by apply: good_compose => //; apply: good_compose.
  have -> : perm_of (compose r (array_of (compose pa (array_of pb)))) = [~ perm_of pa, perm_of pb]%g.
    by rewrite !perm_of_compose //; last exact: good_compose; rewrite pr perm_of_compose // invMg commgEl conjgE !mulgA.
  have lela : (min la lb <= la)%N by apply/leP; apply: PeanoNat.Nat.le_min_l.
  have lelb : (min la lb <= lb)%N by apply/leP; apply: PeanoNat.Nat.le_min_r.
  by apply: commutator_in_D; [apply: (subsetP (V_more lela)) | apply: (subsetP (V_more lelb))].
case Em: m => [|mp] //; rewrite -Em; case Ea: evaluate => [[pa la]|] // -[<- <-].
have [ga Va] := IHa _ _ Ea; have [gk pk] := power_sound (Nat.pred m') ga.
split=> //; rewrite pk.
have -> : (Nat.pred m').+1 = m' by rewrite Em; lia.
exact: power_in_D.
Qed.

End Evaluate.

Lemma check_group_sound rows_ gens : check_group d rows_ gens ->
  [/\ (0 < n)%N, forall p, List.In p rows_ -> good p, List.hd_error rows_ = Some (range d), List.NoDup rows_ &
      forall (Q : row -> Prop), Q (range d) -> (forall p g, Q p -> List.In g gens -> Q (compose p (array_of g))) ->
        forall p, List.In p rows_ -> Q p].
Proof.
case: rows_ => // first rest; rewrite /check_group; set l := (first :: rest)%list.
case E: Checker.closure => [seen|]; last by case: ifP.
move=> /andP[/andP[/andP[/andP[/N.ltb_lt d0 /List.forallb_forall perms] /row_eqb_eq first1] different] /andP[/List.forallb_forall all_seen _]].
split=> //.
- by apply/ltP; lia.
- by move=> p /perms; apply: is_permutation_sound.
- by rewrite /l /= first1.
- by have [] := all_different_sound different.
by move=> Q Q1 step p /all_seen; apply: member_sound (closure_sound Q1 step E).
Qed.

End Perm.
