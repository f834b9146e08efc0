# Groups of more than 256 classes, tab-separated: name, classes, "degree/indicator x how many", and over all characters and classes
# "class size.order of its elements.degree.value x how many", the value -1000000 where it is irrational.
# Tables are products of small ones: Irr of the whole group takes GAP minutes.
Facts := function(name, factors)
  local table, orders, sizes, irr, entries, i, c, value;
  table := Iterated(factors, CharacterTableDirectProduct);
  irr := Irr(table);
  orders := OrdersClassRepresentatives(table);
  sizes := SizesConjugacyClasses(table);
  entries := [];
  for i in [1 .. Length(irr)] do
    for c in [1 .. Length(orders)] do
      value := irr[i][c];
      if not IsInt(value) then
        value := -1000000;
      fi;
      Add(entries, [sizes[c], orders[c], irr[i][1], value]);
    od;
  od;
  Print(name, "\t", Length(orders), "\t",
    Joined(List(Collected(List([1 .. Length(irr)], i -> [irr[i][1], Indicator(table, irr, 2)[i]])),
      e -> Concatenation(Joined(e[1], "/"), "x", String(e[2]))), ","), "\t",
    Joined(List(Collected(entries), e -> Concatenation(Joined(e[1], "."), "x", String(e[2]))), ","), "\n");
end;;
cyclic := n -> CharacterTable("Cyclic", n);;
S4 := CharacterTable(SymmetricGroup(4));;
Facts("C4xC4xC4xS4", [cyclic(4), cyclic(4), cyclic(4), S4]);
Facts("C10xC6xS4", [cyclic(10), cyclic(6), S4]);
Facts("Q8xQ8xC12", [CharacterTable(SmallGroup(8, 4)), CharacterTable(SmallGroup(8, 4)), cyclic(12)]);
Facts("SL(2,3)xC2xC2xC10", [CharacterTable(SL(2, 3)), cyclic(2), cyclic(2), cyclic(10)]);
