"""The papers' experiments, one command each: `python -m models reproduce NAME`."""
