"""Measurements that this repository publishes: ``python -m benchmarks``."""
