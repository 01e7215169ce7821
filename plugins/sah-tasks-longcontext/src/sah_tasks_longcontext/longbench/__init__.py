"""LongBench and LongBench-E as a task."""
