"""How long it takes to begin: ``python -m benchmarks startup``."""
