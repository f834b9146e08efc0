"""Cascades for groups too large to list: one small table for each channel."""
