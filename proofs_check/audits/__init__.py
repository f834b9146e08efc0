"""What the transitions of a model can reach, and which groups and automata that excludes."""
