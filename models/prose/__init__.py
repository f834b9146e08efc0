"""Words of a group or an automaton as English or code, and how language models do on them."""
