"""Words on which a model fails that cannot track a group."""
