"""LongBench v2 as a task."""
