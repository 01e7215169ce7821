"""Measurements of attention calls, taken from a share of them."""
