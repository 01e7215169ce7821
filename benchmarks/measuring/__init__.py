"""What measuring attention calls costs an answer: ``python -m benchmarks measuring``."""
