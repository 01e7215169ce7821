"""Attention from a mask: the maths, and the backends that run a list of maskers before it."""
