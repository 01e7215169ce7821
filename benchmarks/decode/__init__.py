"""One decode step of attention against dense attention, by context and by density: ``python -m benchmarks decode``."""
