(* The checker: programs on lists of binary numbers, to be run by vm_compute or extracted to OCaml. CheckerSound.v proves
   that what it accepts is true. No MathComp here, and nothing of this file needs to be read to trust a verdict, but for
   the records of tables and [parse], which say what the numbers of a file mean.

   A permutation of 0 ... d-1 is a row: the list of its images. Permutations compose from left to right. *)

From Coq Require Import List NArith Bool FMapPositive.
From Coq.Strings Require Byte.
Import ListNotations.
Local Open Scope N_scope.

Set Implicit Arguments.

(* "And" that does not run its second part where the first is false, in vm_compute too. *)
Notation "a &&& b" := (if a then b else false) (at level 40, left associativity).

Definition len (A : Type) (l : list A) : N := N.of_nat (length l).

Definition row := list N.

(* Nested commutators and powers of elements, which are given by their numbers. *)
Inductive tree := Element (e : N) | Commutator (a b : tree) | Power (a : tree).

(* Layer i: its exponent (0: none), the moduli of its channels, and what it adds, by the joint state of the lower layers
   (the first layer's first channel counts most), the token, and the channel. *)
Record layer := { exponent : N; moduli : list N; increments : list (list (list N)) }.

(* [layers] begins with layer 1. [alphabet], [generators] and [decode] hold numbers of [elements]. *)
Record tracks_tables := {
  degree : N; elements : list row; generators : list N; alphabet : list N; layers : list layer; decode : list N;
  bound_exponent : N; bound_layers : N; bound_value : N; bound : tree }.

(* A subgroup P, whose generators are products of commutators and m-th powers of elements of P. *)
Record never_tables := {
  n_degree : N; n_elements : list row; n_generators : list N; n_exponent : N;
  p_order : N; p_generators : list N; p_products : list (list tree) }.

Inductive tables := Tracks (t : tracks_tables) | Never (t : never_tables).

(* ---- Arrays: binary tries ---- *)

Definition array (A : Type) := PositiveMap.t A.

Fixpoint fill (A : Type) (i : positive) (l : list A) (t : array A) : array A :=
  match l with [] => t | x :: l' => fill (Pos.succ i) l' (PositiveMap.add i x t) end.

Definition array_of (A : Type) (l : list A) : array A := fill 1 l (PositiveMap.empty A).

Definition get (A : Type) (t : array A) (i : N) : option A := PositiveMap.find (N.succ_pos i) t.

Definition get_or (A : Type) (default : A) (t : array A) (i : N) : A :=
  match get t i with Some x => x | None => default end.

(* ---- Rows ---- *)

Fixpoint row_eqb (p q : row) : bool :=
  match p, q with
  | [], [] => true
  | x :: p', y :: q' => (x =? y) && row_eqb p' q'
  | _, _ => false
  end.

(* 0, 1, ..., d-1 *)
Fixpoint count (n : nat) (i : N) : list N := match n with O => [] | S n' => i :: count n' (N.succ i) end.

Definition range (d : N) : row := count (N.to_nat d) 0.

Definition compose (p : row) (q : array N) : row := map (get_or 0 q) p.

Definition invert (d : N) (p : row) : row :=
  let t := fold_left (fun t ij => PositiveMap.add (N.succ_pos (snd ij)) (fst ij) t) (combine (range d) p) (PositiveMap.empty N) in
  map (get_or 0 t) (range d).

(* The inverse of a row that is a permutation of 0 ... d-1; None for others. *)
Definition inverse (d : N) (p : row) : option row :=
  let q := invert d p in
  if (len p =? d) && forallb (fun x => x <? d) p && row_eqb (compose p (array_of q)) (range d)
  then Some q else None.

Definition is_permutation (d : N) (p : row) : bool := if inverse d p then true else false.

(* ---- Sets of rows ---- *)

Fixpoint push (p : positive) (acc : positive) : positive :=
  match p with xH => xO acc | xO p' => xI (xO (push p' acc)) | xI p' => xI (xI (push p' acc)) end.

Definition key (p : row) : positive := fold_right (fun x acc => push (N.succ_pos x) acc) xH p.

Definition rows := PositiveMap.t row.

Definition member (s : rows) (p : row) : bool :=
  match PositiveMap.find (key p) s with Some q => row_eqb p q | None => false end.

Definition insert (s : rows) (p : row) : rows := PositiveMap.add (key p) p s.

Fixpoint all_different (l : list row) (s : rows) : bool :=
  match l with
  | [] => true
  | p :: l' => match PositiveMap.find (key p) s with Some _ => false | None => all_different l' (insert s p) end
  end.

(* What is reached from the rows in the queue by right multiplication; None where the fuel does not suffice. *)
Definition meet (state : list row * rows) (p : row) : list row * rows :=
  if member (snd state) p then state else (p :: fst state, insert (snd state) p).

Fixpoint explore (A : Type) (fuel : list A) (by_ : list (array N)) (queue : list row) (seen : rows) : option rows :=
  match queue, fuel with
  | [], _ => Some seen
  | _, [] => None
  | p :: queue', _ :: fuel' =>
      let state := fold_left meet (map (compose p) by_) (queue', seen) in
      explore fuel' by_ (fst state) (snd state)
  end.

Definition closure (A : Type) (fuel : list A) (d : N) (by_ : list row) : option rows :=
  explore fuel (map (@array_of N) by_) [range d] (insert (PositiveMap.empty row) (range d)).

(* All of a list's lookups, or None. *)
Fixpoint get_all (A : Type) (t : array A) (l : list N) : option (list A) :=
  match l with
  | [] => Some []
  | i :: l' => match get t i, get_all t l' with Some x, Some xs => Some (x :: xs) | _, _ => None end
  end.

(* The rows are different permutations, the identity first, and are exactly what the given ones of them generate. *)
Definition check_group (d : N) (rows_ : list row) (gens : list row) : bool :=
  match rows_ with
  | [] => false
  | first :: _ =>
      (0 <? d) &&& forallb (is_permutation d) rows_ &&& row_eqb first (range d) &&& all_different rows_ (PositiveMap.empty row) &&&
      match closure rows_ d gens with
      | Some seen => forallb (member seen) rows_ && (N.of_nat (PositiveMap.cardinal seen) =? len rows_)
      | None => false
      end
  end.

(* ---- Expressions ---- *)

Fixpoint power (n : nat) (p : row) : row := match n with O => p | S n' => compose (power n' p) (array_of p) end.

(* The value, and the least number of levels above a leaf. *)
Fixpoint evaluate (d : N) (e : array row) (m : N) (allowed : row -> bool) (t : tree) : option (row * nat) :=
  match t with
  | Element i => match get e i with Some p => if allowed p then Some (p, O) else None | None => None end
  | Power a =>
      match m, evaluate d e m allowed a with
      | Npos _, Some (p, l) => Some (power (pred (N.to_nat m)) p, S l)
      | _, _ => None
      end
  | Commutator a b =>
      match evaluate d e m allowed a, evaluate d e m allowed b with
      | Some (p, l), Some (q, l') =>
          match inverse d (compose q (array_of p)) with  (* (q p)^-1 p q = p^-1 q^-1 p q *)
          | Some r => Some (compose r (array_of (compose p (array_of q))), S (min l l'))
          | None => None
          end
      | _, _ => None
      end
  end.

(* ---- Cascades: states are lists of residues, one list a layer, the top layer first ---- *)

Fixpoint add_residues (ns h c : list N) : list N :=
  match ns, h with
  | n :: ns', x :: h' => (x + hd 0 c) mod n :: add_residues ns' h' (tl c)
  | _, _ => []
  end.

Fixpoint place (ns h : list N) (acc : N) : N :=
  match ns, h with n :: ns', x :: h' => place ns' h' (acc * n + x) | _, _ => acc end.

(* The number of a joint state, and the state after a token, by lists (the definition) ... *)
Definition entry (A : Type) (default : A) (l : list A) (i : N) : A := nth (N.to_nat i) l default.

Fixpoint number (ls : list layer) (s : list (list N)) : N :=
  match ls, s with L :: ls', h :: s' => place (moduli L) h (number ls' s') | _, _ => 0 end.

Fixpoint next (ls : list layer) (s : list (list N)) (x : N) : list (list N) :=
  match ls, s with
  | L :: ls', h :: s' => add_residues (moduli L) h (entry [] (entry [] (increments L) (number ls' s')) x) :: next ls' s' x
  | _, _ => []
  end.

(* ... and by arrays (what is run): the number of s and its successor in one pass. *)
Definition fast_layer := (list N * array (array (list N)))%type.

Definition fast (L : layer) : fast_layer := (moduli L, array_of (map (@array_of (list N)) (increments L))).

Fixpoint fast_next (ls : list fast_layer) (s : list (list N)) (x : N) : N * list (list N) :=
  match ls, s with
  | (ns, t) :: ls', h :: s' =>
      let '(i, below) := fast_next ls' s' x in
      (place ns h i, add_residues ns h (get_or [] (get_or (PositiveMap.empty _) t i) x) :: below)
  | _, _ => (0, [])
  end.

Fixpoint all_residues (ns : list N) : list (list N) :=
  match ns with [] => [[]] | n :: ns' => flat_map (fun x => map (cons x) (all_residues ns')) (range n) end.

Fixpoint all_states (ls : list layer) : list (list (list N)) :=
  match ls with
  | [] => [[]]
  | L :: ls' => let own := all_residues (moduli L) in flat_map (fun s => map (fun h => h :: s) own) (all_states ls')
  end.

Definition start (ls : list layer) : list (list N) := map (fun L => map (fun _ => 0) (moduli L)) ls.

Definition size_of (L : layer) : N := fold_left N.mul (moduli L) 1.

(* Every state steps rightly on every token; [decoded] holds the rows that states decode to. *)
Definition check_steps (ls : list layer) (decoded : array row) (tokens : list row) : bool :=
  let fls := map fast ls in
  forallb (fun xt : N * array N =>
    forallb (fun s =>
      let '(i, s') := fast_next fls s (fst xt) in
      match get decoded i, get decoded (number ls s') with
      | Some p, Some p' => row_eqb (compose p (snd xt)) p'
      | _, _ => false
      end) (all_states ls))
    (combine (range (N.of_nat (length tokens))) (map (@array_of N) tokens)).

Definition check_layer (m : N) (lower : N) (L : layer) : bool :=
  (len (increments L) =? lower) &&&
  forallb (fun r => (len r =? m) && forallb (fun c =>
    (len c =? len (moduli L)) && forallb (fun cn => fst cn <? snd cn) (combine c (moduli L))) r) (increments L) &&&
  negb (match moduli L with [] => true | _ => false end) &&& forallb (fun n => 2 <=? n) (moduli L) &&&
  forallb (fun n => exponent L mod n =? 0) (moduli L).

Fixpoint check_layers (m : N) (lower : N) (ls : list layer) (n : N) : bool :=
  match ls with
  | [] => lower =? n
  | L :: ls' => check_layer m lower L &&& (lower * size_of L <=? n) &&& check_layers m (lower * size_of L) ls' n
  end.

(* The exponent of the claim about fewer layers: that of all layers, or 0 where they differ. *)
Definition common_exponent (ls : list layer) : N :=
  match ls with
  | [] => 0
  | L :: ls' => if forallb (fun L' => exponent L' =? exponent L) ls' then exponent L else 0
  end.

Definition check_bound (d : N) (e : array row) (t : tracks_tables) : bool :=
  match evaluate d e (bound_exponent t) (fun _ => true) (bound t), get e (bound_value t) with
  | Some (p, l), Some q =>
      row_eqb p q && negb (row_eqb p (range d)) && (N.of_nat (S l) =? bound_layers t) && (bound_layers t <=? len (layers t))
  | _, _ => false
  end.

Definition check_tracks (t : tracks_tables) : bool :=
  let d := degree t in
  let e := array_of (elements t) in
  match get_all e (generators t), get_all e (alphabet t), get_all e (decode t) with
  | Some gens, Some tokens, Some decoded =>
      let ls := rev (layers t) in
      check_group d (elements t) gens &&&
      forallb (fun g => existsb (N.eqb g) (alphabet t)) (generators t) &&&
      check_layers (len tokens) 1 (layers t) (len (elements t)) &&&
      (len decoded =? len (elements t)) &&&
      match get (array_of decoded) 0 with Some p => row_eqb p (range d) | None => false end &&&
      check_steps ls (array_of decoded) tokens &&&
      (bound_exponent t =? common_exponent (layers t)) &&& check_bound d e t
  | _, _, _ => false
  end.

(* The product of the values of some words of P, each with at least one level. *)
Fixpoint product (d : N) (e : array row) (m : N) (allowed : row -> bool) (words : list tree) : option row :=
  match words with
  | [] => Some (range d)
  | w :: words' =>
      match evaluate d e m allowed w, product d e m allowed words' with
      | Some (p, S _), Some q => Some (compose p (array_of q))
      | _, _ => None
      end
  end.

Definition check_never (t : never_tables) : bool :=
  let d := n_degree t in
  let e := array_of (n_elements t) in
  match get_all e (n_generators t), get_all e (p_generators t) with
  | Some gens, Some pgens =>
      check_group d (n_elements t) gens &&&
      match closure (n_elements t) d pgens with
      | None => false
      | Some seen =>
          (N.of_nat (PositiveMap.cardinal seen) =? p_order t) &&& existsb (fun p => negb (row_eqb p (range d))) pgens &&&
          (len pgens =? len (p_products t)) &&&
          forallb (fun gw => match product d e (n_exponent t) (member seen) (snd gw) with
                             | Some p => row_eqb p (fst gw) | None => false end) (combine pgens (p_products t))
      end
  | _, _ => false
  end.

Definition check (t : tables) : bool := match t with Tracks t => check_tracks t | Never t => check_never t end.

(* ---- The text of a file: decimal numbers, separated by spaces and ends of lines ---- *)

Fixpoint split_ (fuel : list Byte.byte) (current : option N) (acc : list N) : option (list N) :=
  match fuel with
  | [] => Some (rev_append (match current with Some n => n :: acc | None => acc end) [])
  | b :: rest =>
      let c := Byte.to_N b in
      if (48 <=? c) && (c <=? 57) then
        split_ rest (Some (match current with Some n => 10 * n + (c - 48) | None => c - 48 end)) acc
      else if (c =? 32) || (c =? 10) then
        split_ rest None (match current with Some n => n :: acc | None => acc end)
      else None
  end.

Definition numbers (text : list Byte.byte) : option (list N) := split_ text None [].

Fixpoint take_ (l : list N) (n : N) (acc : list N) : option (list N * list N) :=
  match n, l with
  | 0, _ => Some (rev_append acc [], l)
  | _, x :: l' => take_ l' (N.pred n) (x :: acc)
  | _, [] => None
  end.

Definition reader (A : Type) := list N -> option (A * list N).

Definition bind (A B : Type) (p : reader A) (f : A -> reader B) : reader B :=
  fun l => match p l with Some (a, rest) => f a rest | None => None end.

Notation "x <- p ;; q" := (bind p (fun x => q)) (at level 60, right associativity).

Definition give (A : Type) (a : A) : reader A := fun l => Some (a, l).

Definition one : reader N := fun l => match l with x :: l' => Some (x, l') | [] => None end.

Definition several (n : N) : reader (list N) := fun l => take_ l n [].

(* n things, in order; every thing takes at least one number *)
Fixpoint repeat_ (A : Type) (fuel : list N) (n : N) (p : reader A) (acc : list A) : reader (list A) :=
  match n, fuel with
  | 0, _ => give (rev_append acc [])
  | _, _ :: fuel' => a <- p ;; repeat_ fuel' (N.pred n) p (a :: acc)
  | _, [] => fun _ => None
  end.

Definition times (A : Type) (n : N) (p : reader A) : reader (list A) := fun l => repeat_ l n p [] l.

Definition counted : reader (list N) := n <- one ;; several n.

(* 0 e : element e; 1 a b : commutator; 2 a : power *)
Fixpoint tree_ (fuel : nat) : reader tree :=
  match fuel with
  | O => fun _ => None
  | S fuel' => kind <- one ;;
      match kind with
      | 0 => e <- one ;; give (Element e)
      | 1 => a <- tree_ fuel' ;; b <- tree_ fuel' ;; give (Commutator a b)
      | 2 => a <- tree_ fuel' ;; give (Power a)
      | _ => fun _ => None
      end
  end.

Definition a_tree : reader tree := tree_ 64.

(* exponent, number of channels, moduli, number of rows, and the rows: tokens x channels *)
Definition a_layer (m : N) : reader layer :=
  e <- one ;; ns <- counted ;; lower <- one ;;
  rows <- times lower (times m (several (N.of_nat (length ns)))) ;;
  give {| exponent := e; moduli := ns; increments := rows |}.

Definition read_tracks : reader tables :=
  n <- one ;; d <- one ;; elements <- times n (several d) ;; generators <- counted ;; alphabet <- counted ;;
  k <- one ;; layers <- times k (a_layer (N.of_nat (length alphabet))) ;; decode <- counted ;;
  e <- one ;; least <- one ;; value <- one ;; t <- a_tree ;;
  give (Tracks {| degree := d; elements := elements; generators := generators; alphabet := alphabet; layers := layers;
    decode := decode; bound_exponent := e; bound_layers := least; bound_value := value; bound := t |}).

Definition read_never : reader tables :=
  n <- one ;; d <- one ;; elements <- times n (several d) ;; generators <- counted ;;
  e <- one ;; order <- one ;; pgens <- counted ;; k <- one ;;
  products <- times k (j <- one ;; times j a_tree) ;;
  give (Never {| n_degree := d; n_elements := elements; n_generators := generators; n_exponent := e;
    p_order := order; p_generators := pgens; p_products := products |}).

(* The first number says of what kind the tables are: 1 tracks, 2 never. *)
Definition parse (text : list Byte.byte) : option tables :=
  match numbers text with
  | Some l =>
      match (kind <- one ;; match kind with 1 => read_tracks | 2 => read_never | _ => fun _ => None end) l with
      | Some (t, []) => Some t
      | _ => None
      end
  | None => None
  end.

Definition check_text (text : list Byte.byte) : bool := match parse text with Some t => check t | None => false end.

(* Texts in Coq files: "1 24 4 ..."%text *)
Inductive text := Text (bytes : list Byte.byte).
Definition text_of (l : list Byte.byte) : text := Text l.
Definition bytes_of (t : text) : list Byte.byte := let 'Text l := t in l.
Declare Scope text_scope.
Delimit Scope text_scope with text.
String Notation text text_of bytes_of : text_scope.

Definition joined (lines : list text) : list Byte.byte := flat_map bytes_of lines.

Definition no_tracks : tracks_tables := Build_tracks_tables 0 [] [] [] [] [] 0 0 0 (Element 0).
Definition no_never : never_tables := Build_never_tables 0 [] [] 0 0 [] [].

(* The tables of a file of either kind; tables that no check accepts where it is not of that kind. *)
Definition tracks_of (lines : list text) : tracks_tables :=
  match parse (joined lines) with Some (Tracks t) => t | _ => no_tracks end.
Definition never_of (lines : list text) : never_tables :=
  match parse (joined lines) with Some (Never t) => t | _ => no_never end.

(* The figures of a claim, in numbers that a reader can see. *)
Definition figures (t : tracks_tables) (order layers_ least exponent_ : N) : bool :=
  (N.of_nat (length (elements t)) =? order) && (N.of_nat (length (layers t)) =? layers_) && (bound_layers t =? least) &&
  (bound_exponent t =? exponent_).
