(* checker FILE ...: one line for each, "verified", "refuted" or "unreadable"; exit code 0, 1 or 2, the worst of them. The
   reading of files is all that is not extracted. *)

let rec number n = if n = 0 then Checker.N0 else Checker.N.succ (number (n - 1))

let bytes =
  Array.init 256 (fun i ->
      match Checker.of_N (number i) with Some byte -> byte | None -> assert false)

let read path =
  let channel = open_in_bin path in
  let text = really_input_string channel (in_channel_length channel) in
  close_in channel;
  let rec collect i found = if i < 0 then found else collect (i - 1) (bytes.(Char.code text.[i]) :: found) in
  collect (String.length text - 1) []

let verdict path =
  match Checker.parse (read path) with
  | None -> ("unreadable", 2)
  | Some tables -> if Checker.check tables then ("verified", 0) else ("refuted", 1)
  | exception Sys_error problem -> ("unreadable: " ^ problem, 2)

let () =
  let paths = List.tl (Array.to_list Sys.argv) in
  let worst = List.fold_left (fun worst path ->
      let line, code = verdict path in
      print_endline line;
      max worst code) (if paths = [] then 2 else 0) paths in
  exit worst
