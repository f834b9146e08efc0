"""Characters and real representations of listed groups, exactly."""
