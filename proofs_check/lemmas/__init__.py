"""The papers' lemmas, derived symbolically and checked on examples."""
