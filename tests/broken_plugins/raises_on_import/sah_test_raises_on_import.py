"""Broken: importing it raises."""

raise RuntimeError("no such\nlibrary")
