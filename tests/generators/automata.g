# Transformation monoids: random ones of 2 to 5 points and 1 to 3 letters, as GAP's own library knows them.
# Columns: images of each letter (points 0 …), order, numbers of R-, L- and D-classes, ids of the groups of regular
# D-classes that are not trivial, sorted.
Reset(GlobalMersenneTwister, 2026);
Print("letters\torder\tr_classes\tl_classes\td_classes\tgroups\n");
Describe := function(letters)
    local n, S, classes, groups, class;
    n := Length(letters[1]);
    S := Monoid(Concatenation([IdentityTransformation], List(letters, Transformation)));
    if n = 1 then return; fi;
    classes := GreensDClasses(S);
    groups := [];
    for class in classes do
        if IsRegularDClass(class) and Size(GroupHClassOfGreensDClass(class)) > 1 then
            Add(groups, IdGroup(Range(IsomorphismPermGroup(GroupHClassOfGreensDClass(class)))));
        fi;
    od;
    Sort(groups);
    Print(String(List(letters, l -> l - 1)), "\t", Size(S), "\t", Length(GreensRClasses(S)), "\t",
          Length(GreensLClasses(S)), "\t", Length(classes), "\t", String(groups), "\n");
end;
for n in [2 .. 5] do
    for m in [1 .. 3] do
        for i in [1 .. 12] do
            Describe(List([1 .. m], j -> List([1 .. n], k -> Random(GlobalMersenneTwister, [1 .. n]))));
        od;
    od;
od;
# automata with large groups and with many classes
Describe([[2, 3, 1, 4], [2, 1, 3, 4], [1, 1, 3, 4]]);
Describe([[2, 3, 4, 5, 1], [2, 1, 3, 4, 5], [1, 1, 3, 4, 5]]);
Describe([[2, 3, 4, 4, 5], [1, 1, 2, 3, 5]]);
QUIT;
