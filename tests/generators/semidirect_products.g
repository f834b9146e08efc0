# All semidirect products A:B that are not A x B, of order <= 63, tab-separated; see tests/data/README.md.
# Found from the other end: normal subgroups with a complement, in every group.
found := [];;
for order in [2 .. 63] do
  for number in [1 .. NumberSmallGroups(order)] do
    G := SmallGroup(order, number);
    if not IsAbelian(G) then
      for N in NormalSubgroups(G) do
        if Size(N) > 1 and Size(N) < order and Length(ComplementClassesRepresentatives(G, N)) > 0 then
          quotient := G / N;
          if IdGroup(DirectProduct(SmallGroup(IdGroup(N)), SmallGroup(IdGroup(quotient)))) <> [order, number] then
            AddSet(found, Concatenation(IdGroup(N), IdGroup(quotient), [number]));
          fi;
        fi;
      od;
    fi;
  od;
od;
pairs := Set(found, row -> row{[1 .. 4]});;
for pair in pairs do
  Print(Joined(pair, "\t"), "\t", Joined(List(Filtered(found, row -> row{[1 .. 4]} = pair), row -> row[5]), ","), "\n");
od;
