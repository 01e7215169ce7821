"""What a benchmark of large models costs before it is run: formulas, the constants that they need, and their errors."""
