"""Reading a question's tokens onto a context that is there: ``python -m benchmarks prefill``."""
