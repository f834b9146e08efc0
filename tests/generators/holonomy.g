# Skeletons of transformation semigroups, as GAP's package SgpDec knows them: random ones of 2 to 6 points and 1 to 3
# letters, and some that are known. Columns: images of each letter (points 0 …); the images of the points under words,
# with the singletons, each the sum of 2^p over its points p; and for each class of equivalent images of two points or
# more: its images, its height in SgpDec's own subduction relation (the longest chain down to a singleton), the sizes of
# the orbits of the holonomy group on the tiles of a representative, and the group's order and number.
LoadPackage("semigroups");
LoadPackage("sgpdec");
Reset(GlobalMersenneTwister, 2026);
Print("letters\timages\tclasses\n");
Bits := set -> Sum(Positions(set, true), p -> 2 ^ (p - 1));
Describe := function(letters)
    local sk, classes, relation, heights, height, found, i, group, rep, tiles;
    # GAP drops the last points where every letter fixes them.
    if DegreeOfTransformationCollection(List(letters, Transformation)) < Length(letters[1]) then return; fi;
    sk := Skeleton(Semigroup(List(letters, Transformation)));
    classes := RealImageSubductionClasses(sk);
    relation := SubductionEquivClassCoverRelation(sk);
    heights := [];
    height := function(i)
        local below;
        if not IsBound(heights[i]) then
            if i > Length(classes) or SizeBlist(classes[i][1]) = 1 then
                heights[i] := 0;
            else
                below := Filtered(Successors(relation)[i], j -> j <> i);
                heights[i] := 1 + Maximum(Concatenation([0], List(below, height)));
            fi;
        fi;
        return heights[i];
    end;
    found := [];
    for i in [1 .. Length(classes)] do
        rep := RepresentativeSet(sk, classes[i][1]);
        if SizeBlist(rep) > 1 then
            group := HolonomyGroup@SgpDec(sk, rep);
            tiles := [1 .. Length(TilesOf(sk, rep))];
            Add(found, [Set(List(classes[i], Bits)), height(i), SortedList(List(Orbits(group, tiles), Length)),
                        IdGroup(group)]);
        fi;
    od;
    Sort(found);
    Print(String(List(letters, l -> l - 1)), "\t", String(Set(List(SortedExtendedImageSet(sk), Bits))), "\t",
          String(found), "\n");
end;
for n in [2 .. 6] do
    for m in [1 .. 3] do
        for i in [1 .. 14] do
            Describe(List([1 .. m], j -> List([1 .. n], k -> Random(GlobalMersenneTwister, [1 .. n]))));
        od;
    od;
od;
# a counter with a reset, walls, the full transformation monoid, permutations, brackets of depth 3, and a register
Describe([[2, 3, 4, 5, 1], [1, 1, 1, 1, 1]]);
Describe([[1, 1, 2, 3], [2, 3, 4, 4]]);
Describe([[2, 3, 4, 1], [2, 1, 3, 4], [1, 1, 3, 4]]);
Describe([[2, 3, 4, 1], [2, 1, 3, 4]]);
Describe([[2, 3, 4, 5, 5], [5, 1, 2, 3, 5]]);
Describe([[1, 1, 1], [2, 2, 2], [3, 3, 3]]);
QUIT;
