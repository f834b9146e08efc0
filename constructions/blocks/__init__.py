"""Layers of blocks: the compiler, and the files of a folder."""
