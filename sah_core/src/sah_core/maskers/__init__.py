"""What a method stands on: one base class for each way of choosing keys."""

from .create import create_masker, create_maskers
from .positional import PositionalMasker
from .sampling import Residual, SamplingMasker
from .top_k import TopKMasker
from .top_p import TopPMasker

__all__ = [
    "PositionalMasker",
    "Residual",
    "SamplingMasker",
    "TopKMasker",
    "TopPMasker",
    "create_masker",
    "create_maskers",
]
