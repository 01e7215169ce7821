"""`failures_named`: what a model raises while it works, as one sentence that says at what it failed."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from sah_core import SahError
from sah_hf.errors import OutOfMemoryError, UnsupportedModelError

__all__ = ["failures_named"]

_SHORTAGE = re.compile(r"can't allocate memory|cannot allocate memory|not enough memory|out of memory", re.IGNORECASE)
_SIZE = re.compile(r"tried to allocate ([\d.]+ \w+)", re.IGNORECASE)


@contextmanager
def failures_named(model: Any, doing: str, advice: str) -> Iterator[None]:
    """Within it, a shortage of memory is an OutOfMemoryError: at what (``doing``, "reading ..."), and what would help.

    A RuntimeError of a model whose weights are of several dtypes, or on several devices, is an UnsupportedModelError
    that names them. Everything else passes.
    """
    try:
        yield
    except SahError:
        raise
    except (RuntimeError, MemoryError) as error:
        if _is_shortage(error):
            # What a handler of this error holds of it should not hold the memory.
            traceback.clear_frames(error.__traceback__)
            size = _SIZE.search(str(error))
            wanted = f" {size[1]} more were wanted;" if size else ""
            raise OutOfMemoryError(f"out of memory while {doing}:{wanted} {advice}") from error
        mixed = _mixed(model)
        if mixed:
            raise UnsupportedModelError(
                f"{type(model).__name__} failed while {doing}; its weights are {mixed}: {' '.join(str(error).split())}"
            ) from error
        raise


def _is_shortage(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _SHORTAGE.search(str(error)) is not None


def _mixed(model: Any) -> str:
    """The dtypes and devices of a model's weights, where they are several."""
    weights = list(model.parameters())
    dtypes = sorted({str(weight.dtype).removeprefix("torch.") for weight in weights if weight.is_floating_point()})
    devices = sorted({str(weight.device) for weight in weights})
    said = [f"in {' and '.join(dtypes)}"] * (len(dtypes) > 1) + [f"on {' and '.join(devices)}"] * (len(devices) > 1)
    return ", ".join(said)
