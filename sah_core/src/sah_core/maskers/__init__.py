"""What a method stands on: one base class for each way of choosing keys."""

from .create import create_masker, create_maskers
from .indexing import IndexName
from .open_units import OpenUnits
from .pages import PageIndex
from .positional import PositionalMasker
from .random_order import RandomOrder
from .sampling import Residual, SamplingMasker
from .top_k import TopKMasker
from .top_p import TopPMasker
from .units import Units

__all__ = [
    "IndexName",
    "OpenUnits",
    "PageIndex",
    "PositionalMasker",
    "RandomOrder",
    "Residual",
    "SamplingMasker",
    "TopKMasker",
    "TopPMasker",
    "Units",
    "create_masker",
    "create_maskers",
]
