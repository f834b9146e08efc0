"""Permutations as arrays, finite fields, integer matrices: what groups and chains are made of."""
