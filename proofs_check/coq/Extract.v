(* The checker as an OCaml program: checker.ml and checker.mli, written where coqc runs. main.ml reads files and prints. *)

From Coq Require Import NArith ExtrOcamlBasic.
From Coq.Strings Require Byte.
From Subnormal Require Import Checker.

Extraction Language OCaml.
Extraction "checker.ml" check parse Byte.of_N N.succ.
