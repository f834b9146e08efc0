# What the parser's TransitiveGroup(d, n) and PrimitiveGroup(d, n) stand for, degree 2 to 20. First for each primitive group
# "primitive degree number number-as-a-transitive-group", then for each transitive group "transitive degree number order generators",
# generators as GAP prints them. From GAP's packages transgrp and primgrp.
LoadPackage("transgrp", false);; LoadPackage("primgrp", false);;

for degree in [2 .. 20] do
  for number in [1 .. NrPrimitiveGroups(degree)] do
    Print(Joined(["primitive", degree, number, TransitiveIdentification(PrimitiveGroup(degree, number))], " "), "\n");
  od;
od;
for degree in [2 .. 20] do
  for number in [1 .. NrTransitiveGroups(degree)] do
    G := TransitiveGroup(degree, number);
    Print(Joined(["transitive", degree, number, Size(G),
                  Filtered(Joined(GeneratorsOfGroup(G), ","), c -> c <> ' ')], " "), "\n");
  od;
od;
