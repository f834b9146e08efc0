"""Models that others trained: how they are read, and what they compute."""
