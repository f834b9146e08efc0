"""The papers' experiments, one command each: `subnormal reproduce NAME`."""
