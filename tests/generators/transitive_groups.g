# Transitive groups of degree 2 to 20 from GAP's TransGrp library, tab-separated: degree, number, derived series (orders), abelian
# invariants of its factors, generators. A sample: all up to degree 11, above that every 25th; STRIDE=1 in the environment gives
# all 4,722, as the slow test and the benchmark want them.
LoadPackage("transgrp", false);;

series := [];;
stride := 25;;
if IsBound(GAPInfo.SystemEnvironment.STRIDE) then
  stride := Int(GAPInfo.SystemEnvironment.STRIDE);
fi;

for degree in [2 .. 20] do
  for number in [1 .. NrTransitiveGroups(degree)] do
    if degree <= 11 or number mod stride = 0 then
      G := TransitiveGroup(degree, number);
      series := DerivedSeriesOfGroup(G);
      Print(Joined([ degree, number, Joined(List(series, Size), ","),
                     Joined(List([1 .. Length(series) - 1], k -> Joined(AbelianInvariants(series[k]), ",")), ";"),
                     Filtered(Joined(GeneratorsOfGroup(G), ","), c -> c <> ' ') ], "\t"), "\n");
    fi;
  od;
od;
