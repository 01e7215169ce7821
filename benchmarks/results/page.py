"""The results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .bars import Judged, judged
from .cells import digits, spread, tables
from .record import Record

__all__ = ["page"]

_INTRODUCTION = """# What efficient attention costs

Every number here is written by `python -m benchmarks`; all of them, with the exact config of every row, are in
[performance.json](performance.json).

How to read it:

* A ratio says how many times as long dense attention takes: the ratio of medians, and in brackets the range of nine in
  ten of the rounds' own ratios. In a round every contender has its turn, so that a busy moment slows all of them.
* Dense attention is the fastest of three: `scaled_dot_product_attention` as it is called with grouped heads, the same
  with the query heads of a KV head folded into its queries, and two matrix products with a softmax between them.
* step: maskers and attention, as one decode step calls them, its new key taken into the indexes; select: the mask
  alone, of which score is the last masker's scoring; attend: attention alone, under a mask that is there.
  A sample repeats the call, so that what it reads lies in cache if it fits there; "caches cold" reads 64 MiB of other
  memory before every call, as a model reads its weights between two layers' attention.
* A limit is the time that it takes to read once what has to be read (attended keys and values; for a step that selects,
  the indexes too), at the measured bandwidth: the best of several sums over a buffer far larger than the caches.
* Keys, values and calibrations are random numbers: they decide nothing here but what a sampling method takes, which is
  why those are measured on peaked logits, with the density that they took.
* In a model: a growing cache is transformers' default, which copies all keys and values into new tensors with every
  token; the shares of that and of the MLPs are those parts' times, taken by themselves, over that of the whole token.
  No attention, however fast, can get past the ratio "if attention took no time".

To run it again (on an idle machine; each command replaces its own part of the results):

```bash
python -m benchmarks decode -o docs/results
python -m benchmarks prefill -o docs/results
python -m benchmarks request -o docs/results
python -m benchmarks masks -o docs/results
python -m benchmarks startup -o docs/results
```

That masks are those of the research backend, that outputs agree with its, and what a decode step may allocate, are
tests of this repository.
"""

_REASONS = """## Why some bars are missed

* **Selectors in bfloat16.** Dense attention in bfloat16 takes half of what it takes in float32 here: this processor
  multiplies 16-bit matrices. A selection costs the same in both: its scores are float32 either way. In `step` and its
  parts: at 32K keys a shared selection spends about 0.9 ms on choosing 2 % of 32K scores in 8 rows (3 ms in 32 rows,
  of which comparing all scores with a bound and listing those that reach it are nearly half), 1 to 2 ms on the scores,
  and about 0.9 ms on reading 5,000 keys and values from all over memory (0.4 where they lie in cache). The time that
  bandwidth sets is a tenth of that. What is missing is a kernel that scores, selects and reads in one pass; torch's
  operations each write their result to memory, and a step makes 150 to 250 of them at 2 to 4 microseconds.
* **Quest at 32K.** The product of a query with all pages takes 0.9 ms in either precision: torch has no fast product of
  16-bit matrices that do not lie end to end, which an index that grows does not.
* **PQCache at short contexts.** Its table of 4,096 joint codes and 32 heads costs 1.5 ms at any length.
* **Against the research backend.** Both backends run the same maskers, so that only attention itself can differ: see
  "x attend" in that table. With maskers of its own, slower ones, the research backend would make a better figure.
* **A model's decoding in float32 with the growing cache.** Copying all keys and values with every token takes most of
  it: "if attention took no time" says how much is left to gain.
"""

_TITLES = {
    "decode": "One decode step of attention",
    "prefill": "Reading a question",
    "request": "In a model",
    "masks": "Masks",
    "startup": "Start",
}


def page(records: Mapping[str, Record], plots: Sequence[tuple[str, str]] = ()) -> str:
    """All records as one page; ``plots`` are captions and file names beside it."""
    parts = [_INTRODUCTION, _bars(judged(records))]
    parts += [f"![{caption}]({name})\n" for caption, name in plots]
    parts.append(_REASONS)
    for name, title in _TITLES.items():
        if name in records:
            parts.append(_section(title, records[name]))
    return "\n".join(parts)


def _bars(found: Sequence[Judged]) -> str:
    lines = ["## What it should reach\n", "| operation | at | bar | measured | met |", "|---|---|---|---|---|"]
    for each in found:
        bar = f">= {each.bar.at_least:g}" if each.bar.at_least is not None else f"<= {each.bar.at_most:g}"
        setting = each.bar.setting if each.row is None else {**each.bar.setting, **each.row.setting}
        at = ", ".join(f"{setting[name]}" for name in ("dtype", "context") if name in setting)
        measured = "not measured" if each.measured is None else spread(each.measured)
        met = {True: "yes", False: "**no**", None: "-"}[each.met]
        lines.append(f"| {each.bar.text} | {at or '-'} | {bar} | {measured} | {met} |")
    return "\n".join(lines) + "\n"


def _section(title: str, record: Record) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in record.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in record.versions.items())
    lines = [
        f"## {title}\n",
        f"`{record.command}` on {record.threads} thread{'s' if record.threads > 1 else ''}; memory is read at "
        f"{digits(record.bandwidth / 1e9)} GB/s.",
        f"Machine: {machine}.",
        f"Versions: {versions}.\n",
    ]
    for table in tables(record.rows):
        lines += [f"### {table.title}\n", f"| {' | '.join(table.header)} |", "|---" * len(table.header) + "|"]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
        lines.append("")
    return "\n".join(lines)
