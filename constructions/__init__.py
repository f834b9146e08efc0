"""The compiler: group → series → cascade → weights, one pass a module, and the artifact on disk."""
