"""Finite automata: minimal automata, transition monoids, the holonomy decomposition."""
