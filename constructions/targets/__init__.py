"""Weights for architectures that other people's libraries run."""
