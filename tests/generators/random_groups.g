# A hundred permutation groups of degree 5 to 60, drawn with a seed, tab-separated: kind, degree, order, derived series, orders of
# the composition factors, length of a chief series, generators. Kinds: two or three random elements of a wreath product, of a direct
# product of transitive groups, or of a wreath product of a primitive group on top of one.
LoadPackage("transgrp", false);;
LoadPackage("primgrp", false);;
W := fail;;
source := RandomSource(IsMersenneTwister, 25);;
pick := list -> list[Random(source, 1, Length(list))];;
transitive := function(least, most)
  local degree;
  degree := Random(source, least, most);
  return TransitiveGroup(degree, Random(source, 1, NrTransitiveGroups(degree)));
end;;
primitive := function(least, most)
  local degree;
  degree := Random(source, least, most);
  return PrimitiveGroup(degree, Random(source, 1, NrPrimitiveGroups(degree)));
end;;
Describe := function(kind, generators)
  local G, degree;
  G := Group(generators);
  degree := Maximum(List(generators, LargestMovedPoint));
  if degree < 5 then
    return;
  fi;
  Print(Joined([ kind, degree, Size(G), Joined(List(DerivedSeriesOfGroup(G), Size), ","),
    Joined(SortedList(List([2 .. Length(CompositionSeries(G))],
      i -> Size(CompositionSeries(G)[i - 1]) / Size(CompositionSeries(G)[i]))), ","),
    Length(ChiefSeries(G)) - 1, Filtered(Joined(generators, ","), c -> c <> ' ') ], "\t"), "\n");
end;;
for i in [1 .. 25] do
  W := WreathProduct(transitive(2, 6), transitive(2, 8));
  Describe("wreath", List([1 .. Random(source, 2, 3)], j -> PseudoRandom(W)));
  W := DirectProduct(transitive(3, 12), transitive(2, 10), transitive(2, 8));
  Describe("product", List([1 .. Random(source, 2, 3)], j -> PseudoRandom(W)));
  W := WreathProduct(primitive(3, 8), primitive(3, 7));
  Describe("primitive", GeneratorsOfGroup(W));
  W := DirectProduct(WreathProduct(transitive(2, 5), primitive(5, 6)), transitive(3, 9));
  Describe("both", List([1 .. Random(source, 2, 3)], j -> PseudoRandom(W)));
od;
