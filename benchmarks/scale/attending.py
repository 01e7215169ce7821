"""Measure one layer's attention in a decode step, method by method: what grows with the context, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final

import attrs
import torch

from benchmarks.calls.calibrations import Calibrations
from benchmarks.calls.call import Call, Heads
from benchmarks.calls.chains import Chain, samplers, selectors, window
from benchmarks.calls.dense import dense_attention
from benchmarks.calls.subjects import chain_subject
from benchmarks.timing.rounds import Contender, compare
from sah_core import AttentionState, EfficientAttention

from .models import timer

__all__ = ["HEADS", "Attending", "attending", "chains"]

HEADS: Final = Heads()
_DENSE: Final = "dense"


@attrs.frozen
class Attending:
    """Seconds of a step after so many keys, of each round; and of indexing those, where there is an index."""

    name: str
    keys: int
    seconds: tuple[float, ...]
    indexing: float = 0.0

    @property
    def median(self) -> float:
        """Of the rounds."""
        return median(self.seconds)


def chains(keys: int, calibrations: Calibrations) -> tuple[Chain, ...]:
    """Window, each selector at a density of 2 % with one selection a KV head, and MagicPIG."""
    return (window(), *selectors(keys, calibrations, shared=True), samplers(keys)[0])


def attending(
    contexts: Sequence[int], calibrations: Calibrations, dtype: torch.dtype, device: torch.device, rounds: int
) -> list[Attending]:
    """Every chain and the fastest dense attention at each context, all of them in the same rounds."""
    works: dict[tuple[str, int], Callable[[], object]] = {}
    indexing: dict[tuple[str, int], Callable[[], object]] = {}
    for keys in contexts:
        drawn = Call.random(keys, dtype, HEADS)
        call = Call(*(tensor.to(device) for tensor in (drawn.queries, drawn.keys, drawn.values)))
        works |= {(f"{_DENSE} {way}", keys): work for way, work in dense_attention(call).items()}
        for chain in chains(keys, calibrations):
            name = chain.name.removesuffix(", shared")
            works[name, keys] = chain_subject(call, chain).parts["step"]
            if len(chain.maskers) > 2:  # more than sink and window
                indexing[name, keys] = _indexed(call, chain)
    seconds, of_index = _timed(works, device, rounds), _timed(indexing, device, 1)
    found: list[Attending] = []
    for keys in contexts:
        ways = [seconds[name, at] for name, at in works if at == keys and name.startswith(_DENSE)]
        found.append(Attending(_DENSE, keys, min(ways, key=median)))
        for name, at in works:
            if at == keys and not name.startswith(_DENSE):
                step = seconds[name, at]
                anew = of_index.get((name, at))
                found.append(Attending(name, keys, step, 0.0 if anew is None else anew[0] - median(step)))
    return found


def _timed(
    works: Mapping[tuple[str, int], Callable[[], object]], device: torch.device, rounds: int
) -> dict[tuple[str, int], tuple[float, ...]]:
    contenders = [Contender(f"{name} {keys}", _waited(work, device)) for (name, keys), work in works.items()]
    return dict(zip(works, compare(contenders, rounds, clock=timer(device)).values(), strict=True))


def _indexed(call: Call, chain: Chain) -> Callable[[], object]:
    """A step that has to index the context first."""
    attention = EfficientAttention.from_config(chain.config)
    return lambda: attention(call.inputs(AttentionState(context_length=call.context)))


def _waited(work: Callable[[], object], device: torch.device) -> Callable[[], None]:
    """The work, and waiting for the device to have done it."""

    def done() -> None:
        work()
        if device.type != "cpu":
            torch.accelerator.synchronize(device)

    return done
