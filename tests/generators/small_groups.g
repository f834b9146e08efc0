# Facts about all groups of order <= 255, tab-separated; see tests/data/README.md.
for order in [1 .. 255] do
  for number in [1 .. NumberSmallGroups(order)] do
    G := SmallGroup(order, number);
    classes := List(ConjugacyClasses(G), Size);
    Print(Joined(Concatenation([order, number], SeriesFacts(G),
      [Length(classes), Size(Centre(G)), Exponent(G)]), "\t"), "\n");
  od;
od;
