"""Automata as cascades of set-or-add channels."""
