"""The page and the plots again, from the numbers that are there: ``python -m benchmarks report``."""
