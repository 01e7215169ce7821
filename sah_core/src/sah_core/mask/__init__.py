"""The mask: with what probability each query row attends to each key."""

from .index_rows import IndexRows
from .mask import Mask, Shape

__all__ = ["IndexRows", "Mask", "Shape"]
