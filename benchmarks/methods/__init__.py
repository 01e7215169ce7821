"""How well every method answers at a density, on contexts of the embedded model: ``python -m benchmarks methods``."""
