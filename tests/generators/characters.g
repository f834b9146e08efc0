# Character tables of all groups of order <= 63 and of some larger ones, tab-separated; see tests/data/README.md.
# One line a group: name, class count, then one field a character, sorted.
RealPart1000 := function(x)
  # a cyclotomic number as a float, through its coefficients
  local n, sum, coefficients, j;
  n := Conductor(x);
  coefficients := CoeffsCyc(x, n);
  sum := 0.0;
  for j in [1 .. n] do
    sum := sum + Float(coefficients[j]) * Cos(2.0 * FLOAT.PI * Float(j - 1) / Float(n));
  od;
  return Int(Floor(1000.0 * sum + 0.5));
end;

Describe := function(G, name)
  local table, sizes, orders, indicators, lines, i, c, eigenvalues, entries, o, negative;
  table := CharacterTable(G);
  sizes := SizesConjugacyClasses(table);
  orders := OrdersClassRepresentatives(table);
  indicators := Indicator(table, Irr(table), 2);
  lines := [];
  for i in [1 .. Length(sizes)] do
    entries := [];
    for c in [1 .. Length(sizes)] do
      o := orders[c];
      eigenvalues := EigenvaluesChar(Irr(table)[i], c);
      negative := 0;
      if o mod 2 = 0 then
        negative := eigenvalues[o / 2];
      fi;
      Add(entries, [sizes[c], o, eigenvalues[o], negative, RealPart1000(Irr(table)[i][c])]);
    od;
    Sort(entries);
    entries := Collected(entries);
    Add(lines, Concatenation(String(Irr(table)[i][1]), "/", String(indicators[i]), "/",
      Joined(List(entries, e -> Concatenation(Joined(e[1], "."), "x", String(e[2]))), ",")));
  od;
  Sort(lines);
  Print(name, "\t", Length(sizes), "\t", Joined(lines, "\t"), "\n");
end;

for order in [1 .. 63] do
  for number in [1 .. NumberSmallGroups(order)] do
    Describe(SmallGroup(order, number), Concatenation("SmallGroup(", String(order), ",", String(number), ")"));
  od;
od;
Describe(SL(2,5), "SL(2,5)");
Describe(SymmetricGroup(5), "S5");
Describe(PSL(2,7), "PSL(2,7)");
Describe(AlternatingGroup(6), "A6");
Describe(SymmetricGroup(6), "S6");
Describe(SL(2,7), "SL(2,7)");
Describe(MathieuGroup(11), "M11");
Describe(SmallGroup(128,2320), "SmallGroup(128,2320)");
Describe(SmallGroup(243,3), "SmallGroup(243,3)");
