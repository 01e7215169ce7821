"""What to say when a config names a masker that no working plugin offers."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from .record import PluginRecord
from .switches import normalised

__all__ = ["PUBLISHED", "unknown_masker"]

PUBLISHED = {
    "sink": "sah-masker-window",
    "local": "sah-masker-window",
    "causal": "sah-masker-window",
    "oracle_top_k": "sah-masker-oracle",
    "oracle_top_p": "sah-masker-oracle",
    "random": "sah-masker-sampling",
    "vattention": "sah-masker-sampling",
    "magicpig": "sah-masker-magicpig",
    "quest": "sah-masker-quest",
    "double_sparsity": "sah-masker-double-sparsity",
    "hashattention": "sah-masker-hashattention",
    "pqcache": "sah-masker-pqcache",
}
"""The distribution that brings each masker of this project."""


def unknown_masker(kind: str, kinds: Sequence[str], records: Sequence[PluginRecord]) -> str:
    """One message: why this kind is not there and what to do, or the nearest name and all that is installed."""
    home = PUBLISHED.get(kind, f"sah-masker-{normalised(kind)}")
    for record in records:
        if kind not in record.kinds and normalised(record.distribution) != home:
            continue
        source = f"{record.distribution} {record.version}"
        if record.status == "failed":
            return f"masker {kind!r} comes from {source}, which failed to load: {record.reason}"
        if record.status == "disabled":
            return f"masker {kind!r} comes from {source}, which is disabled: {record.reason}"
        if kind in PUBLISHED:
            return f"the installed {source} has no masker {kind!r}: pip install --upgrade {home}"
    if kind in PUBLISHED:
        return f"masker {kind!r} is not installed: pip install {home}"
    said = f"unknown masker {kind!r}{_nearest(kind, kinds)}; installed: {', '.join(kinds) if kinds else 'none'}"
    failed = [record.distribution for record in records if record.status == "failed"]
    return f"{said}; failed to load: {', '.join(failed)} (see `sah doctor`)" if failed else said


def _nearest(kind: str, kinds: Sequence[str]) -> str:
    for near in difflib.get_close_matches(kind, [*kinds, *PUBLISHED], n=1):
        install = "" if near in kinds else f": pip install {PUBLISHED[near]}"
        return f" (did you mean {near!r}?{install})"
    return ""
