"""What the adapter adds to a model's forward: ``python -m benchmarks adapter``."""
