"""Exact mathematics: groups, stabiliser chains, series. No torch."""
