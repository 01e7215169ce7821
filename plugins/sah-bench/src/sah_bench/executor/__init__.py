"""Answer the cells: worker processes, timeouts, resuming."""
