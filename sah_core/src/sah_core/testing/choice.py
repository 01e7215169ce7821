"""Rules by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sah_core.errors import UsageError

from .rules import RULES, Rule

__all__ = ["chosen_rules", "refuse_unknown"]


def refuse_unknown(names: Iterable[str]) -> None:
    """Raise UsageError for a name that is no rule's, with the nearest that is."""
    known = [rule.name for rule in RULES]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else f"; the rules are {', '.join(known)}"
            raise UsageError(f"the conformance kit has no rule {name!r}{hint}")


def chosen_rules(names: Iterable[str] | None) -> tuple[Rule, ...]:
    """The rules of these names, in the kit's order; all if None. Raises UsageError for a name that is no rule's."""
    if names is None:
        return RULES
    wanted = set(names)
    refuse_unknown(sorted(wanted))
    return tuple(rule for rule in RULES if rule.name in wanted)
