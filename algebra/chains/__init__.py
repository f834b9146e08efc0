"""Stabiliser chains: order, membership and series of permutation groups too large to list."""
