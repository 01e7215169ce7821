"""The matrix: from a config to cells, each with the address of all that decides its answers."""
