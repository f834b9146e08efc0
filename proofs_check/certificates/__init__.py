"""Certificates, what writes them, and the checker that trusts nothing else."""
