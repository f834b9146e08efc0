"""A compilation as a picture."""
