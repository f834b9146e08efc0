"""Fresh copies of an architecture, trained on tasks of known depth: what is learnt, beside what theory allows."""
