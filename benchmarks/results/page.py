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
* Of the adapter: processor time of one forward of a model in its dense mode, in which the model's own attention runs,
  over that without it (one before and one after, "plain" and "plain again", whose ratio shows the machine's
  own unrest), and "hooks", what the mode adds, timed alone;
  and of the research backend under a mask that keeps every key over that of the model's own eager attention.
* Of `sah bench`: "cells / model" is what the executor needs for its cells, from the first question to the scores, over
  what the model needs to read and answer; "measured / off" compares processor time with a share of the attention calls
  measured by all five metrics and without, where "off again / off" is the same thing twice, and "adds" is the clock's
  time within measuring and writing it over all other time.
* Of a Ray cluster: it is on the same machine, its workers have loaded the model, as the processes have, and rows were
  made before. "fetched" is with workers that do not see the results directory. Each round's cells are new.
* Of RULER's rows: "one count" is the tokenizer's time to count the tokens of the contexts that were made, once; lm_eval
  is the port in lm-evaluation-harness, for the tasks that it makes without a download. Lengths are those of the longest
  and the shortest row, answer included. The tokenizer is byte-level BPE, learned from Python's documentation.
* Of multiple choice: hf is lm_eval's own model, which reads a prompt for every choice, unless choices differ in their
  last token alone; the others read a context once and score what follows on forks of its KV cache. The embedded model.

To run it again (on an idle machine; each command replaces its own part of the results):

```bash
python -m benchmarks decode -o docs/results
python -m benchmarks prefill -o docs/results
python -m benchmarks request -o docs/results
python -m benchmarks masks -o docs/results
python -m benchmarks adapter -o docs/results
python -m benchmarks startup -o docs/results
python -m benchmarks sweep -o docs/results
python -m benchmarks cluster -o docs/results
python -m benchmarks rows -o docs/results
python -m benchmarks choices -o docs/results
python -m benchmarks measuring -o docs/results
```

That masks are those of the research backend, that outputs agree with its, and what a decode step may allocate, are
tests of this repository.
"""

_REASONS = """## What the time goes to, and why some bars are missed

* **Loops.** These are the times with sah-core's extra `cpu`: loops that numba compiles read keys in place, score them
  and choose the largest. Without it torch's operations take about twice as long for a selector's step, and two to
  three times as long for attention alone.
* **A step is more than its parts.** Select and attend, each by itself, find what they read in cache; in a step, scoring
  reads megabytes of index in between, and attention finds its keys in memory. What is left beside the loops are about a
  hundred operations on small tensors, of 2 to 8 microseconds each: 0.5 to 0.7 ms of a shared selection's step.
* **Quest.** Scoring reads two vectors a page, 16.8 MB in float32 at 32K keys, at the speed of memory. In bfloat16 that
  is half of it, and dense attention takes half the time too, as this processor multiplies 16-bit matrices: the small
  operations weigh twice as much.
* **Against the research backend.** Both backends run the same maskers with the same loops, so that only attention
  itself can differ: see "x attend" in that table. Research takes about 30 ms in float32 and 38 ms in bfloat16, most of
  it attention over all keys; 20 times as fast would be 1.5 and 1.9 ms, of which choosing the keys takes 0.9 to 1.4.
  With maskers of its own, slower ones, the research backend would make a better figure.
* **A model's decoding in float32 with the growing cache.** Copying all keys and values with every token takes most of
  it: "if attention took no time" says how much is left to gain.
"""

_TITLES = {
    "decode": "One decode step of attention",
    "prefill": "Reading a question",
    "request": "In a model",
    "masks": "Masks",
    "adapter": "The adapter",
    "startup": "Start",
    "sweep": "What `sah bench` adds",
    "cluster": "What a Ray cluster adds",
    "rows": "Making RULER's rows",
    "choices": "Multiple choice",
    "measuring": "What measurements add",
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
