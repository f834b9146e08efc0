"""subnormal: the group theory of state tracking as running code."""
