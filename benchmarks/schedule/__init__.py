"""The executor of `sah bench` on many devices that do nothing: ``python -m benchmarks schedule``."""
