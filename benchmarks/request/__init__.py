"""Efficient attention inside a model: ``python -m benchmarks request``."""
