"""Layers of m x m blocks: which groups how many of them track, and covers with exact matrices (docs/mathematics.md)."""
