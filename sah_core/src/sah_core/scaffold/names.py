"""What a new masker may be called."""

from __future__ import annotations

import keyword
import re

import sah_core
from sah_core.errors import UsageError
from sah_core.plugins import Registry
from sah_core.plugins.switches import normalised
from sah_core.plugins.unknown import PUBLISHED

__all__ = ["check_free", "check_kind", "class_name", "distribution_name"]

_KIND = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")

_IMPORTED = {"ClassVar", "Field", "Literal", "RegisterMasker", "Tensor"}
"""What the templates import from elsewhere than sah_core."""


def distribution_name(kind: str) -> str:
    """The distribution that brings a masker of one's own: ``my_method`` is in ``sah-masker-my-method``."""
    return f"sah-masker-{normalised(kind)}"


def class_name(kind: str) -> str:
    """The masker's class: ``my_method`` is ``MyMethod``."""
    return "".join(part.capitalize() for part in re.split("[_-]", kind))


def check_kind(kind: str) -> None:
    """Raise UsageError for what cannot be a kind, or would give a class a name that its module needs."""
    if not _KIND.fullmatch(kind):
        raise UsageError(
            "a masker's name is of lower-case letters and digits, begins with a letter and may hold single _ or - "
            f"between others, such as my_method, not {kind!r}"
        )
    name = class_name(kind)
    for wanted in (name, f"{name}Config"):
        if keyword.iskeyword(wanted) or wanted in _IMPORTED or wanted in sah_core.__all__:
            raise UsageError(f"{kind!r} would be the class {wanted}, a name that is taken: choose another name")


def check_free(kind: str, registry: Registry) -> None:
    """Raise UsageError where an installed or published plugin has this kind, or the distribution's name."""
    distribution = distribution_name(kind)
    owners = {other: registry.masker_record(other).distribution for other in registry.kinds}
    owners.update({other: " and ".join(r.distribution for r in both) for other, both in registry.conflicts.items()})
    owner = owners.get(kind) or PUBLISHED.get(kind)
    if owner is not None:
        raise UsageError(f"masker {kind!r} is there already, from {owner}: choose another name")
    taken = {*PUBLISHED.values(), *(normalised(record.distribution) for record in registry.records)}
    if distribution in taken:
        raise UsageError(f"there is a {distribution} already: choose another name than {kind!r}")
