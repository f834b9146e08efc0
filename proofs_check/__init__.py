"""What checks the claims: certificates and their checker, horizons, refutations, the lemmas, the parity results."""
