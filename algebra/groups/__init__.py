"""Listed and permutation groups, named groups, products, the catalogue, isomorphism."""
