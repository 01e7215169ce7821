"""What masks cost in time and memory, in each representation: ``python -m benchmarks masks``."""
