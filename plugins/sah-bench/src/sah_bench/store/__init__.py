"""Results on disk: a directory of cells, each a few small files that only ever grow or appear whole."""
