# Composition factors and Fitting lengths of the transitive groups of degree 2 to 20, space-separated: degree, number, factors (those that
# are not abelian first, the largest first; as GAP names them, with their orders), Fitting length (-1 if not solvable). Fitting lengths come
# from the upper Fitting series, by Fitting subgroups of quotients.
LoadPackage("transgrp", false);;

series := [];;

UpperFittingLength := function(G)
  local length, H;
  if not IsSolvableGroup(G) then return -1; fi;
  H := Image(IsomorphismPcGroup(G)); length := 0;
  while Size(H) > 1 do
    H := H / FittingSubgroup(H);
    length := length + 1;
  od;
  return length;
end;

for degree in [2 .. 20] do
  for number in [1 .. NrTransitiveGroups(degree)] do
    G := TransitiveGroup(degree, number);
    series := CompositionSeries(G);
    factors := List([1 .. Length(series) - 1], function(k)
      local order, factor;
      order := Size(series[k]) / Size(series[k + 1]);
      if IsPrimeInt(order) then return [0, order, ""]; fi;
      factor := series[k] / series[k + 1];
      return [-1, -order, IsomorphismTypeInfoFiniteSimpleGroup(factor).name];
    end);
    Sort(factors);
    texts := List(factors, f -> Concatenation(String(AbsInt(f[2])), ":", Filtered(f[3], c -> c <> ' ')));
    Print(Joined([degree, number, Joined(texts, ";"), UpperFittingLength(G)], " "), "\n");
  od;
od;
