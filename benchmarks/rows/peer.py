"""RULER's rows as the port in lm-evaluation-harness makes them, for the tasks whose code needs no download."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["PEER"]


def _vt(tokenizer: Any, length: int, samples: int) -> list[Any]:
    from lm_eval.tasks.ruler.vt_utils import (  # type: ignore[import-untyped]  # lm_eval publishes no types
        sys_vartrack_w_noise_random,
    )

    with contextlib.redirect_stdout(io.StringIO()):
        (example,) = sys_vartrack_w_noise_random(tokenizer, 1, 500, incremental=5)
        rows: list[Any] = sys_vartrack_w_noise_random(tokenizer, samples, length, icl_example=example)
    return rows


def _cwe(tokenizer: Any, length: int, samples: int) -> list[Any]:
    from lm_eval.tasks.ruler.cwe_utils import sys_word_pair_random  # type: ignore[import-untyped]  # the same

    rows: list[Any] = sys_word_pair_random(samples, length, tokenizer)
    return rows


def _fwe(tokenizer: Any, length: int, samples: int) -> list[Any]:
    from lm_eval.tasks.ruler.fwe_utils import sys_kwext  # type: ignore[import-untyped]  # the same

    rows: list[Any] = sys_kwext(tokenizer, length, samples)
    return rows


PEER: Mapping[str, Callable[[Any, int, int], list[Any]]] = {"vt": _vt, "cwe": _cwe, "fwe": _fwe}
