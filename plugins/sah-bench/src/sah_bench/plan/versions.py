"""The versions that an answer may depend on."""

from __future__ import annotations

from importlib.metadata import version

from sah_core.config import AttentionConfig
from sah_core.plugins import Registry

__all__ = ["versions_of"]


def versions_of(attention: AttentionConfig | None, registry: Registry) -> dict[str, str]:
    """Of the libraries, and of the packages whose maskers are used; numba's where its loops may choose the keys."""
    from sah_core.compiled.available import loops_missing  # imports torch, which a plan from elsewhere does without

    names = ["sah-core", "sah-hf", "sah-bench", "torch", "transformers", "tokenizers"]
    if attention is not None and loops_missing() is None:
        names.append("numba")
    found = {name: version(name) for name in names}
    for masker in attention.every_masker if attention is not None else ():
        record = registry.masker_record(masker.kind)
        found[record.distribution] = record.version
    return found
