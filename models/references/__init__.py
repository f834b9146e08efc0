"""Plain recurrences of other people's layers, to run weights that were written for them on a CPU."""
