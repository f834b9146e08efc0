# The catalogue that the package ships, algebra/data/small_groups.txt; its format stands in algebra/data/README.md.

letters := "abcdefgh";

# g_1^e_1 g_2^e_2 ... as letters, e.g. "bc2"; "1" for the identity.
Word := function(exponents)
  local word, i;
  word := "";
  for i in [1 .. Length(exponents)] do
    if exponents[i] > 0 then
      Add(word, letters[i]);
      if exponents[i] > 1 then
        Append(word, String(exponents[i]));
      fi;
    fi;
  od;
  if word = "" then
    return "1";
  fi;
  return word;
end;

# Positions of a generating subset: from the last generator to the first, each one is dropped if the rest still generate.
Irredundant := function(generators, order)
  local kept, i, fewer;
  kept := [1 .. Length(generators)];
  for i in Reversed([1 .. Length(generators)]) do
    fewer := Difference(kept, [i]);
    if (Length(fewer) = 0 and order = 1) or (Length(fewer) > 0 and Size(Group(generators{fewer})) = order) then
      kept := fewer;
    fi;
  od;
  return kept;
end;

Presentation := function(G)
  local pcgs, orders, relations, i, j, image;
  pcgs := Pcgs(G);
  orders := RelativeOrders(pcgs);
  relations := [];
  for i in [1 .. Length(pcgs)] do
    image := ExponentsOfPcElement(pcgs, pcgs[i] ^ orders[i]);
    if ForAny(image, e -> e > 0) then
      Add(relations, Concatenation([letters[i]], "^", String(orders[i]), "=", Word(image)));
    fi;
    for j in [i + 1 .. Length(pcgs)] do
      if pcgs[j] ^ pcgs[i] <> pcgs[j] then
        Add(relations, Concatenation([letters[j]], "^", [letters[i]], "=", Word(ExponentsOfPcElement(pcgs, pcgs[j] ^ pcgs[i]))));
      fi;
    od;
  od;
  return Concatenation([Joined(orders, "."), letters{Irredundant(pcgs, Size(G))}], relations);
end;

Permutations := function(G)
  local image, generators;
  image := Image(SmallerDegreePermutationRepresentation(Image(IsomorphismPermGroup(G), G)));
  generators := SmallGeneratingSet(image);
  return Concatenation(["permutations"], List(generators, p -> ReplacedString(String(p), " ", "")));
end;

for order in [1 .. 255] do
  for number in [1 .. NumberSmallGroups(order)] do
    G := SmallGroup(order, number);
    if order = 1 then
      Print("1 1 1 -\n");
    elif IsSolvableGroup(G) then
      Print(Joined(Concatenation([order, number], Presentation(G)), " "), "\n");
    else
      Print(Joined(Concatenation([order, number], Permutations(G)), " "), "\n");
    fi;
  od;
od;
