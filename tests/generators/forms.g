# Groups in the forms in which people have them, tab-separated: our text, GAP's expression, order, number in the SmallGrp library (empty
# above order 255), derived length (-1 if not solvable), generators as permutations, a presentation on these generators (empty above
# order 400), generators as matrices (of matrix groups).
LoadPackage("smallgrp", false);; LoadPackage("transgrp", false);; LoadPackage("primgrp", false);;

Same := text -> [text, text];
C := n -> CyclicGroup(IsPermGroup, n);

Rubik := function()
  return Group(
    ( 1, 3, 8, 6)( 2, 5, 7, 4)( 9,33,25,17)(10,34,26,18)(11,35,27,19), ( 9,11,16,14)(10,13,15,12)( 1,17,41,40)( 4,20,44,37)( 6,22,46,35),
    (17,19,24,22)(18,21,23,20)( 6,25,43,16)( 7,28,42,13)( 8,30,41,11), (25,27,32,30)(26,29,31,28)( 3,38,43,19)( 5,36,45,21)( 8,33,48,24),
    (33,35,40,38)(34,37,39,36)( 3, 9,46,32)( 2,12,47,29)( 1,14,48,27), (41,43,48,46)(42,45,47,44)(14,22,30,38)(15,23,31,39)(16,24,32,40));
end;
Weyl := function(letter, n) return WeylGroup(RootSystem(SimpleLieAlgebra(letter, n, Rationals))); end;
Affine := function(n, q)
  local gens;
  gens := List(GeneratorsOfGroup(GL(n, q)), function(g)
    local m; m := IdentityMat(n + 1, GF(q)); m{[1 .. n]}{[1 .. n]} := g; return m; end);
  Add(gens, IdentityMat(n + 1, GF(q))); gens[Length(gens)][n + 1][1] := One(GF(q));
  return Group(gens);
end;

entries := Concatenation(List([
  "SymmetricGroup(3)", "SymmetricGroup(4)", "SymmetricGroup(5)", "SymmetricGroup(6)", "AlternatingGroup(4)", "AlternatingGroup(5)",
  "CyclicGroup(6)", "CyclicGroup(12)", "DihedralGroup(6)", "DihedralGroup(8)", "DihedralGroup(16)", "DihedralGroup(20)",
  "QuaternionGroup(8)", "QuaternionGroup(16)", "DicyclicGroup(12)", "DicyclicGroup(20)", "AbelianGroup([2,4])", "AbelianGroup([2,3,4])",
  "ElementaryAbelianGroup(8)", "ElementaryAbelianGroup(9)", "SmallGroup(24,12)", "SmallGroup(24,3)", "SmallGroup(21,1)",
  "SmallGroup(32,6)", "SmallGroup(27,3)", "TransitiveGroup(6,5)", "TransitiveGroup(8,32)", "TransitiveGroup(9,19)",
  "TransitiveGroup(12,60)", "PrimitiveGroup(5,3)", "PrimitiveGroup(8,2)", "PrimitiveGroup(9,3)", "PrimitiveGroup(10,1)",
  "PSL(2,5)", "PSL(2,7)", "PGL(2,5)", "PGL(2,3)", "PSL(3,2)", "PSU(3,2)", "SL(2,3)", "SL(2,5)", "GL(2,3)", "GL(3,2)", "SL(3,3)",
  "Sp(2,3)", "Sp(4,2)", "SU(2,3)", "SU(3,2)", "GU(2,2)", "GO(3,3)", "GO(-1,4,2)", "GO(1,4,2)", "SO(3,5)", "PSp(4,3)",
  "MathieuGroup(11)", "SuzukiGroup(8)", "DirectProduct(SymmetricGroup(3),SymmetricGroup(3))",
  "WreathProduct(SymmetricGroup(3),SymmetricGroup(2))", "AutomorphismGroup(QuaternionGroup(8))" ], Same), [
  ["D4", "DihedralGroup(8)"], ["Q8", "QuaternionGroup(8)"], ["QD16", "SmallGroup(16,8)"], ["K4", "SmallGroup(4,2)"],
  ["2^4", "ElementaryAbelianGroup(16)"], ["C4oD4", "SmallGroup(16,13)"], ["ES(27,+)", "ExtraspecialGroup(27,'+')"],
  ["ES(27,-)", "ExtraspecialGroup(27,'-')"], ["ES(32,+)", "ExtraspecialGroup(32,'+')"], ["ES(32,-)", "ExtraspecialGroup(32,'-')"],
  ["Hol(C7)", "Affine(1,7)"], ["Hol(C8)", "SmallGroup(32,43)"], ["Aut(C2^3)", "GL(3,2)"], ["Aut(C9)", "CyclicGroup(6)"],
  ["C2.A4", "SL(2,3)"], ["AGL(2,2)", "Affine(2,2)"], ["AGL(2,3)", "Affine(2,3)"], ["AGL(3,2)", "Affine(3,2)"],
  ["W(A3)", "Weyl(\"A\",3)"], ["W(B3)", "Weyl(\"B\",3)"], ["W(D4)", "Weyl(\"D\",4)"], ["W(F4)", "Weyl(\"F\",4)"],
  ["W(G2)", "Weyl(\"G\",2)"], ["W(E6)", "Weyl(\"E\",6)"], ["J1", "PrimitiveGroup(266,1)"], ["Rubik", "Rubik()"],
  ["Sz(8)", "SuzukiGroup(8)"], ["PSU(3,3)", "PSU(3,3)"], ["PGL(2,9)", "PGL(2,9)"]
]);;


for entry in entries do
  G := EvalString(entry[2]);
  id := ""; length := -1; presentation := ""; matrices := "";
  if Size(G) <= 255 then id := String(IdGroup(G)[2]); fi;
  if IsMatrixGroup(G) then
    matrices := Filtered(Joined(List(GeneratorsOfGroup(G), g -> List(g, row -> List(row))), ","), c -> c <> ' ');
  fi;
  P := G;
  if not IsPermGroup(G) then P := Image(IsomorphismPermGroup(G), G); fi;
  if IsSolvableGroup(P) then length := Length(DerivedSeriesOfGroup(P)) - 1; fi;
  P := Group(SmallGeneratingSet(P));
  if Size(P) <= 400 and Size(P) > 1 then
    F := Image(IsomorphismFpGroupByGenerators(P, GeneratorsOfGroup(P)));
    presentation := Concatenation("<", Joined(FreeGeneratorsOfFpGroup(F), ","), " | ", Joined(RelatorsOfFpGroup(F), ", "), ">");
  fi;
  Print(Joined([entry[1], entry[2], Size(P), id, length, Filtered(Joined(GeneratorsOfGroup(P), ","), c -> c <> ' '), presentation,
                matrices], "\t"), "\n");
od;
