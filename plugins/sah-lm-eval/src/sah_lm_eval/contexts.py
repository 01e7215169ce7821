"""Prompts in the order of their contexts, so that each context is read once and only one is in memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field, frozen

from sah_hf import ModelAdapterHF, ReadContext
from sah_hf.modes.call_states import CallStates
from sah_hf.modes.meter import Meter
from sah_hf.requests.listeners import Listeners

from .prompts import Prompt
from .tally import Tally

__all__ = ["ContextInTurn", "Kept", "in_turn"]


def in_turn(prompts: Sequence[Prompt]) -> list[int]:
    """The prompts' numbers, those of one context and question beside each other, long contexts first.

    What does not fit into memory fails early, as in lm_eval's own order.
    """
    return sorted(
        range(len(prompts)),
        key=lambda number: (-len(prompts[number].context), prompts[number].context, prompts[number].question, number),
    )


@frozen
class Kept:
    """A context that was read, and the maskers' indexes of it; both None where a prompt has no context."""

    read: ReadContext | None = None
    states: CallStates | None = None


@define
class ContextInTurn:
    """The context of the prompt that was asked last."""

    adapter: ModelAdapterHF
    _tokens: tuple[int, ...] = field(default=(), init=False)
    _kept: Kept = field(factory=Kept, init=False)

    def of(self, prompt: Prompt, tally: Tally) -> Kept:
        """This prompt's context, read now unless it is the last one."""
        if prompt.context != self._tokens:
            self._tokens, self._kept = (), Kept()  # the old one makes room first
            if prompt.context:
                meter = Meter()
                listeners = Listeners(on_call=meter.record)
                read = self.adapter.read_tokens(list(prompt.context), listeners=listeners)
                tally.count_context(*meter.counted)
                self._tokens, self._kept = prompt.context, Kept(read, CallStates(len(prompt.context)))
        return self._kept
