"""A context that stays, in memory or in a folder, with the indexes of its keys."""
