# Facts about groups that have names, tab-separated; see tests/data/README.md.
LoadPackage("smallgrp", false);;

Frobenius := function(p, k)   # C_p : C_k acting faithfully, on p points
  local root;
  root := PowerModInt(PrimitiveRootMod(p), (p - 1) / k, p);
  return Group(PermList(Concatenation([2 .. p], [1])), PermList(List([0 .. p - 1], i -> (i * root mod p) + 1)));
end;

AffineLine := function(q)   # AGL(1,q) on the field's elements
  local field, maps;
  field := AsSSortedList(GF(q));
  maps := Concatenation(List(Basis(GF(q)), b -> List(field, x -> Position(field, x + b))),
    [List(field, x -> Position(field, x * Z(q)))]);
  return Group(List(maps, PermList));
end;

Dicyclic := n -> DicyclicGroup(4 * n);
Dihedral := n -> DihedralGroup(IsPermGroup, 2 * n);   # of order 2n
Perm := G -> Image(IsomorphismPermGroup(G), G);   # of G itself: the isomorphism may be that of a larger group
C := n -> CyclicGroup(IsPermGroup, n);
Power := function(G, k) return DirectProduct(List([1 .. k], i -> G)); end;
S := SymmetricGroup;;
A := AlternatingGroup;;

groups := [
  ["C1", C(1)], ["C2", C(2)], ["C6", C(6)], ["C24", C(24)], ["C60", C(60)], ["V4", Power(C(2), 2)],
  ["C2xC4", DirectProduct(C(2), C(4))], ["C2^5", Power(C(2), 5)], ["C4xC6xC10", DirectProduct(C(4), C(6), C(10))],
  ["S3", S(3)], ["D4", Dihedral(4)], ["D5", Dihedral(5)], ["D6", Dihedral(6)], ["D12", Dihedral(12)], ["D50", Dihedral(50)],
  ["Q8", QuaternionGroup(8)], ["Q16", QuaternionGroup(16)], ["Q32", QuaternionGroup(32)],
  ["Dic3", Dicyclic(3)], ["Dic5", Dicyclic(5)], ["Dic6", Dicyclic(6)],
  ["SD16", SmallGroup(16, 8)], ["A4", A(4)], ["S4", S(4)], ["A5", A(5)], ["S5", S(5)], ["A6", A(6)], ["S6", S(6)], ["A7", A(7)],
  ["C7:C3", Frobenius(7, 3)], ["F20", Frobenius(5, 4)], ["F21", Frobenius(7, 3)], ["F42", Frobenius(7, 6)],
  ["SL(2,2)", Perm(SL(2, 2))], ["SL(2,3)", Perm(SL(2, 3))], ["SL(2,4)", Perm(SL(2, 4))], ["SL(2,5)", Perm(SL(2, 5))],
  ["GL(2,2)", Perm(GL(2, 2))], ["GL(2,3)", Perm(GL(2, 3))], ["GL(2,4)", Perm(GL(2, 4))], ["GL(2,5)", Perm(GL(2, 5))],
  ["PSL(2,7)", PSL(2, 7)], ["PSL(2,8)", PSL(2, 8)], ["PSL(2,9)", PSL(2, 9)], ["PSL(2,11)", PSL(2, 11)],
  ["Heis(2)", ExtraspecialGroup(8, "+")], ["Heis(3)", ExtraspecialGroup(27, "+")], ["Heis(5)", ExtraspecialGroup(125, "+")],
  ["AGL(1,4)", AffineLine(4)], ["AGL(1,5)", AffineLine(5)], ["AGL(1,8)", AffineLine(8)], ["AGL(1,9)", AffineLine(9)],
  ["AGL(1,16)", AffineLine(16)],
  ["S3xS3", Power(S(3), 2)], ["S3^3", Power(S(3), 3)], ["S4xC2", DirectProduct(S(4), C(2))], ["Q8xC3", DirectProduct(QuaternionGroup(IsPermGroup, 8), C(3))],
  ["S3wrC2", WreathProduct(S(3), C(2))], ["C2wrC2", WreathProduct(C(2), C(2))], ["C3wrC2", WreathProduct(C(3), C(2))],
  ["C2wrC2wrC2", WreathProduct(WreathProduct(C(2), C(2)), C(2))], ["C3wrC3", WreathProduct(C(3), C(3))],
  ["S3wrS3", WreathProduct(S(3), S(3))], ["S4wrC2", WreathProduct(S(4), C(2))], ["A4wrC2", WreathProduct(A(4), C(2))],
  ["S4wrS4", WreathProduct(S(4), S(4))],
  ["S4wrS4wrS4", WreathProduct(WreathProduct(S(4), S(4)), S(4))],
  ["SmallGroup(64,134)", SmallGroup(64, 134)], ["SmallGroup(24,12)", SmallGroup(24, 12)]
];;

for pair in groups do
  G := pair[2];
  id := "";
  if Size(G) <= 2000 then
    id := String(IdGroup(G)[2]);
  fi;
  description := "";
  if Size(G) <= 2000 then
    description := StructureDescription(G);
  fi;
  Print(Joined(Concatenation([pair[1], Size(G), id, description], SeriesFacts(G)), "\t"), "\n");
od;
