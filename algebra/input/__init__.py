"""From what a user types, or a file, to a group."""
