"""Answer cells on a Ray cluster: the extra `ray`. Importing the package imports no ray."""
