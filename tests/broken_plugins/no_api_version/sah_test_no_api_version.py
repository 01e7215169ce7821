"""Broken: does not say which plugin API it was made for."""
