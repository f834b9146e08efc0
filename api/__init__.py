"""The public face: what stands behind `import subnormal as sn`, and behind every command.

Each function takes names, objects or folders, does one thing that the rooms below can do, and returns a value that
prints itself as the command does.
"""
