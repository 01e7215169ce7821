"""How a decode step of a fixed budget grows with the context: all contexts in the same rounds."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmarks.calls.call import Call, Heads
from benchmarks.calls.chains import Chain
from benchmarks.calls.subjects import chain_subject
from benchmarks.results.record import Row
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, ratio

__all__ = ["growth"]


def growth(chain: Chain, contexts: Sequence[int], dtype: torch.dtype, heads: Heads, rounds: int) -> Row:
    """Times at each context, and how many times that of the first context the last one takes.

    ``attend``: attention alone. ``select a byte of index``: making the mask, divided by the bytes of its indexes.
    """
    contenders, index_bytes = [], {}
    for context in contexts:
        subject = chain_subject(Call.random(context, dtype, heads), chain)
        contenders += [Contender(f"{part} {context}", subject.parts[part]) for part in ("attend", "select")]
        index_bytes[f"index {context}"] = subject.nbytes["index"]
    seconds = compare(contenders, rounds)
    first, last = contexts[0], contexts[-1]
    ratios = {part: ratio(seconds[f"{part} {last}"], seconds[f"{part} {first}"]) for part in ("attend", "select")}
    if index_bytes[f"index {first}"]:
        larger = index_bytes[f"index {last}"] / index_bytes[f"index {first}"]
        ratios["select a byte of index"] = ratios["select"].times(1 / larger)
    return Row(
        table="Growth of a fixed budget",
        operation=chain.name,
        setting={"dtype": str(dtype).removeprefix("torch."), "from": first, "to": last},
        milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
        ratios=ratios,
        config=chain.config,
        nbytes=index_bytes,
    )
