# Lengths of chief series of groups of order above 2,048, space-separated: our name, order, length. Transitive groups: all of these
# orders up to degree 12, every 20th up to 16.
cyclic := n -> CyclicGroup(IsPermGroup, n);;
quaternion := Image(IsomorphismPermGroup(SmallGroup(8, 4)));;
for pair in [
  ["M24", MathieuGroup(24)], ["S10", SymmetricGroup(10)], ["A9", AlternatingGroup(9)], ["PSU(3,3)", PSU(3, 3)],
  ["Sz(8)", SuzukiGroup(IsPermGroup, 8)], ["PSL(3,4)", PSL(3, 4)], ["PSL(3,4)xC3", DirectProduct(PSL(3, 4), cyclic(3))],
  ["M22xC2", DirectProduct(MathieuGroup(22), cyclic(2))], ["M12xM11", DirectProduct(MathieuGroup(12), MathieuGroup(11))],
  ["PSL(2,7)xA5", DirectProduct(PSL(2, 7), AlternatingGroup(5))],
  ["Q8xQ8xQ8xQ8", DirectProduct(quaternion, quaternion, quaternion, quaternion)],
  ["C2^20", AbelianGroup(IsPermGroup, List([1 .. 20], i -> 2))],
  ["S4wrS4", WreathProduct(SymmetricGroup(4), SymmetricGroup(4))],
  ["A5wrA5", WreathProduct(AlternatingGroup(5), AlternatingGroup(5))],
] do
  Print(pair[1], " ", Size(pair[2]), " ", Length(ChiefSeries(pair[2])) - 1, "\n");
od;
LoadPackage("transgrp", false);;
for degree in [6 .. 16] do
  for number in [1 .. NrTransitiveGroups(degree)] do
    G := TransitiveGroup(degree, number);
    if Size(G) > 2048 and (degree <= 12 or number mod 20 = 0) then
      Print("TransitiveGroup(", degree, ",", number, ") ", Size(G), " ", Length(ChiefSeries(G)) - 1, "\n");
    fi;
  od;
od;
