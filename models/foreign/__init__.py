"""Models that others made: how they are read (`reading`), run (`model`, `ways`), and judged (`words`, `evaluation`)."""
