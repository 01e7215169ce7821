"""Broken: made for a plugin API of the future."""

SAH_API_VERSION = 2
