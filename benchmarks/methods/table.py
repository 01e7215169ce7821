"""The results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .cells import Cell
from .chains import LOCAL, SINK

__all__ = ["page"]

_HEAD = (
    "| method | density | exact match | output error | mass | recall "
    "| index ms | select ms | attend ms | bits / token |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def page(cells: Sequence[Cell], about: Mapping[str, Any]) -> str:
    """A section for each variant and length, in it the densities in turn; the dense row comes first in each section."""
    parts = [_introduction(about)]
    for variant, length in dict.fromkeys((cell.variant, cell.length) for cell in cells):
        section = [cell for cell in cells if (cell.variant, cell.length) == (variant, length)]
        parts.append(f"## {variant}, {length} tokens\n")
        for target in dict.fromkeys(cell.target for cell in section):
            rows = [_row(cell) for cell in section if cell.target == target]
            title = "dense" if target == 1 else f"about {target:.0%}"
            parts.append(f"### {title}\n\n{_HEAD}\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _introduction(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return f"""# Every method on the embedded model

Made by `{about["command"]}` on one thread of: {about["machine"]}.
The exact config of every row, calibrations' provenance and all numbers are in [methods.json](methods.json).

Contexts of the model `needle` with one record for every {about["spacing"]["retrieval"]} tokens (retrieval) or
{about["spacing"]["vote"]} (vote); {about["questions"]} questions a row, seed {about["seed"]}.
The context is read densely; question and answer are sparse in all layers.
Every chain begins with sink {SINK} and local {LOCAL}, which leaves room even at 2 % of 1024 keys;
the method gets the rest of the budget. Where a method has no budget (magicpig: tables at 8 bits; vattention: epsilon
at delta 0.2, after a pqcache head with half of the rest), its setting was chosen by density alone, on another sample.

* density: attended over visible keys, measured in all layers, heads and tokens.
* exact match: answers right in every word, with the standard error of that share.
* output error: abs(sparse - dense) / abs(dense) of the attention output on the same inputs, mean over layers and
  queries.
* mass: the part of dense attention's weights that lies on attended keys, a drawn key counted whole.
* recall: of the n keys with the largest logits, n being as many as a row attends to, the part that it attends to.
* select and attend: milliseconds for one attention call, by the clock: making the mask, and the output from it;
  index: for a layer's first selection, which makes its index of the context. Taken for all rows in one go at the end.
  The research backend computes every logit whatever the mask, so these show what selecting costs here, not a speed-up.
* bits / token: what the indexes hold after the context, for each token and KV head of a layer.

{versions}
"""


def _row(cell: Cell) -> str:
    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return (
        f"| {cell.method} | {cell.density:.1%} | {cell.exact_match:.3f} ± {cell.standard_error:.3f} "
        f"| {shown(cell.output_error, '.3f')} | {shown(cell.mass, '.3f')} | {shown(cell.recall, '.3f')} "
        f"| {shown(cell.index_ms, '.1f')} | {shown(cell.select_ms, '.2f')} | {shown(cell.attend_ms, '.2f')} "
        f"| {shown(cell.bits_per_token, '.0f')} |"
    )
