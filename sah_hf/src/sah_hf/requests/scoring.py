"""Score continuations of a context and a question: how probable the model finds them, under the request's protocol."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from sah_hf.contexts.cache import fork_cache
from sah_hf.contexts.read_context import ReadContext
from sah_hf.errors import RequestError
from sah_hf.failing import failures_named
from sah_hf.models.model_input import as_input, check_known, check_loaded
from sah_hf.modes.call_states import CallStates
from sah_hf.modes.mode import opened
from sah_hf.modes.sparse_mode import SparseMode

from .answering import Asking
from .room import check_scored_room
from .tokens import RequestTokens

__all__ = ["ContinuationScore", "Scores", "score"]


@frozen
class ContinuationScore:
    """How probable one continuation is."""

    tokens: tuple[int, ...]
    logprob: float
    """The sum of its tokens' log-probabilities, each given what comes before it."""
    greedy: bool
    """Whether each of its tokens is the most probable one: the answer of a greedy search begins with it."""


@frozen
class Scores:
    """The scores of some continuations, in their order, and what was counted meanwhile."""

    continuations: tuple[ContinuationScore, ...]
    context_prefills: int
    """How often a context was read: 0 where it had been."""
    sparse_forwards: int
    dense_forwards: int
    """Of question and continuations; continuations that differ in their last token alone share one."""
    attended: int | None
    """Keys that these forwards attended to, over all sparse layers, heads and queries; None: nothing was sparse."""
    visible: int | None
    """Keys that they could have attended to there."""
    index_bytes: int
    """What the maskers' indexes of the context hold."""

    @property
    def density(self) -> float | None:
        """Attended over visible keys."""
        return self.attended / self.visible if self.attended is not None and self.visible else None


def score(
    asking: Asking,
    tokens: RequestTokens,
    continuations: Sequence[Sequence[int]],
    context: ReadContext | None = None,
    states: CallStates | None = None,
    dtype: torch.dtype | None = torch.float32,
) -> Scores:
    """Score each continuation of the one question in ``tokens``; as `ModelAdapterHF.score_tokens` says.

    One forward reads the question and a continuation without its last token. Continuations that differ in their last
    token alone, such as those of one token, share it.
    """
    wanted = [tuple(each) for each in continuations]
    question = _question(tokens, wanted)
    if context is not None:
        context.check(asking.model, tokens.context, asking.reading)
    check_loaded(asking.model)
    check_known(asking.model, [*question, *(token for each in wanted for token in each)])
    check_scored_room(asking.model, len(tokens.context), len(question), max(map(len, wanted)))
    if context is None:
        context = asking.read(tokens.context)
    asking.meter.newly_counted()  # what reading attended to is in no score
    states = CallStates(context_length=len(tokens.context)) if states is None else states
    read_in = len(asking.modes)
    scores: dict[tuple[int, ...], ContinuationScore] = {}
    for begun in dict.fromkeys(each[:-1] for each in wanted):  # often they are of one token, or share all but the last
        logprobs = _logprobs(asking, context, question, begun, states, dtype)
        scores |= {each: _scored(logprobs, each) for each in wanted if each[:-1] == begun}
    asking.check_sparse()
    forwards = asking.modes[read_in:]
    sparse = sum(mode.sparse_forwards for mode in forwards if isinstance(mode, SparseMode))
    attended, visible = asking.meter.newly_counted()
    return Scores(
        tuple(scores[each] for each in wanted),
        context_prefills=sum(mode.prompts_read for mode in asking.modes[:read_in]),
        sparse_forwards=sparse,
        dense_forwards=sum(mode.forwards for mode in forwards) - sparse,
        attended=attended if visible else None,
        visible=visible or None,
        index_bytes=states.nbytes,
    )


def _question(tokens: RequestTokens, continuations: Sequence[Sequence[int]]) -> list[int]:
    """The one question; RequestError where there is not exactly one, or nothing to score."""
    if len(tokens.questions) != 1:
        raise RequestError(f"continuations are scored after one question, and {len(tokens.questions)} were given")
    if not tokens.questions[0]:
        raise RequestError(
            "the question has no token, and the first token of a continuation is scored by what the last token before "
            "it says: leave one of the context's to the question"
        )
    if not continuations:
        raise RequestError("the list of continuations is empty: score at least one")
    for number, each in enumerate(continuations):
        if not each:
            raise RequestError(f"continuation {number} has no token: there is nothing to score")
    return tokens.questions[0]


@torch.no_grad()
def _logprobs(
    asking: Asking,
    context: ReadContext,
    question: list[int],
    begun: tuple[int, ...],
    states: CallStates,
    dtype: torch.dtype | None,
) -> Tensor:
    """Log-probabilities of every token after the question, and after each of those begun with, (n + 1, vocabulary)."""
    model, read = asking.model, len(context.tokens)
    ids = as_input(model, [*question, *begun])
    cache = fork_cache(context.cache)
    keywords: dict[str, Any] = {
        "input_ids": ids,
        "attention_mask": ids.new_ones((1, read + ids.shape[1])),
        "past_key_values": cache,
        "use_cache": True,
    }
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        keywords["logits_to_keep"] = len(begun) + 1
    doing = f"scoring {len(begun) + 1} tokens after a context of {read} and a question of {len(question)} tokens"
    try:
        with failures_named(model, doing, asking.advice):
            with opened(asking.counted(asking.mode(read, len(question), cache, states))):
                logits: Tensor = model(**keywords).logits[0, -len(begun) - 1 :]
            # As lm-evaluation-harness: what the model computes in 16 bits is normalised in the dtype that is asked for.
            found = torch.log_softmax(logits, dim=-1, dtype=dtype)
    except BaseException:
        states.forget()  # an index may have been broken off amid its growing
        raise
    states.truncate(read)
    return found


def _scored(logprobs: Tensor, tokens: tuple[int, ...]) -> ContinuationScore:
    wanted = torch.tensor(tokens, device=logprobs.device)
    return ContinuationScore(
        tokens,
        logprob=float(logprobs.gather(1, wanted[:, None]).sum()),
        greedy=bool((logprobs.argmax(-1) == wanted).all()),
    )
