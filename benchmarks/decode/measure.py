"""Subjects against dense attention, all in the same rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.calls.call import Call
from benchmarks.calls.dense import DENSE, dense_attention
from benchmarks.calls.subjects import Subject
from benchmarks.results.record import Row
from benchmarks.timing.bandwidth import limit_ms
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, fastest, ratio

__all__ = ["COLD", "against_dense", "against_research"]

COLD = "step, caches cold"
_SWEEP = 2**26
"""Bytes that are read to empty the caches: twice a large one."""


def against_dense(
    call: Call, subjects: Sequence[Subject], rounds: int, bandwidth: float, table: str = "A step by context"
) -> list[Row]:
    """A row for each subject: every part's time, beside that of dense attention in the same rounds.

    ``step, caches cold`` is a step after other memory was read, as in a model the weights are between two layers.
    """
    sweep = torch.ones(_SWEEP // 4, dtype=torch.float32)
    dense = dense_attention(call)
    contenders = [Contender(name, work) for name, work in dense.items()]
    for subject in subjects:
        contenders += [Contender(_name(subject, part), work) for part, work in subject.parts.items()]
        if "step" in subject.parts:
            contenders.append(Contender(_name(subject, COLD), subject.parts["step"], before=sweep.sum))
    seconds = compare(contenders, rounds)
    reference = fastest(seconds, DENSE)
    rows = []
    for subject in subjects:
        own = {part: seconds[name] for part in (*subject.parts, COLD) if (name := _name(subject, part)) in seconds}
        times = {**{name: seconds[name] for name in DENSE}, **own}
        read = {**subject.nbytes, "dense": call.keys.nbytes + call.values.nbytes}
        step = read["attended"] + (read["index"] if subject.reads_index else 0)
        rows.append(
            Row(
                table=table,
                operation=subject.name,
                setting={**_setting(call), **subject.setting},
                milliseconds={name: Spread.of(each).times(1000) for name, each in times.items()},
                ratios={part: ratio(seconds[reference], own[part]) for part in ("step", COLD, "attend") if part in own},
                reference=reference,
                config=subject.config,
                density=subject.mask.density(call.inputs().visible),
                path=subject.path,
                nbytes=read,
                limits_ms={
                    "step": limit_ms(step, bandwidth),
                    "attend": limit_ms(read["attended"], bandwidth),
                    "dense": limit_ms(read["dense"], bandwidth),
                },
            )
        )
    return rows


def against_research(call: Call, subjects: Sequence[Subject], rounds: int) -> list[Row]:
    """A row for each subject: a step of the efficient backend beside one of the research backend.

    Both make the same mask in the same way, so a step's ratio is small where that is most of the work: ``attend`` is
    attention alone.
    """
    rows = []
    for subject in subjects:
        if not subject.research:
            continue
        works = {
            **{part: subject.parts[part] for part in subject.research},
            **{f"research {part}": work for part, work in subject.research.items()},
        }
        seconds = compare([Contender(name, work) for name, work in works.items()], rounds)
        rows.append(
            Row(
                table="A step against the research backend",
                operation=subject.name,
                setting={**_setting(call), **subject.setting},
                milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
                ratios={part: ratio(seconds[f"research {part}"], seconds[part]) for part in subject.research},
                reference="research",
                config=subject.config,
                density=subject.mask.density(call.inputs().visible),
                path=subject.path,
            )
        )
    return rows


def _setting(call: Call) -> dict[str, Any]:
    dtype = str(call.keys.dtype).removeprefix("torch.")
    return {"dtype": dtype, "context": call.context, "queries": call.queries.shape[2], "heads": str(call.heads)}


def _name(subject: Subject, part: str) -> str:
    setting = " ".join(f"{value}" for value in subject.setting.values())
    return f"{subject.name} {setting}: {part}"
