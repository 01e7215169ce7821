"""The sets' published scorers."""
