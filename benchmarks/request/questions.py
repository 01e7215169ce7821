"""Several questions on one context: read once and forked, or read anew for every question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.calls.chains import Chain
from benchmarks.results.record import Row
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, ratio
from sah_hf import ModelAdapterHF, Request
from sah_model_needle import NeedleTask

from .models import heads

__all__ = ["ten_questions"]

QUESTIONS = 10
_GENERATION: Mapping[str, Any] = {"max_new_tokens": 4, "min_new_tokens": 4}


def ten_questions(model: Any, tokenizer: Any, length: int, chain: Chain, rounds: int) -> Row:
    """Ten questions on one context of ``length`` tokens: one sparse request, against ten dense ones of a question each.

    Every answer is four tokens.
    """
    sample = NeedleTask("retrieval", length=length, questions=QUESTIONS).sample(0)
    sparse = ModelAdapterHF(model, chain.config, tokenizer, generation=_GENERATION)
    dense = ModelAdapterHF(model, None, tokenizer, generation=_GENERATION)
    together = Request(sample.context, sample.questions)
    apart = [Request(sample.context, question) for question in sample.questions]
    report = sparse.process_request(together).report
    contenders = [
        Contender("one request", lambda: sparse.process_request(together)),
        Contender("ten dense prefills", lambda: [dense.process_request(request) for request in apart]),
        Contender("one dense request", lambda: dense.process_request(together)),
    ]
    seconds = compare(contenders, rounds)
    config = model.config
    return Row(
        table="Questions on one context",
        operation="ten questions",
        setting={
            "dtype": str(model.dtype).removeprefix("torch."),
            "context": length,
            "layers": config.num_hidden_layers,
            "heads": heads(model),
            "hidden": config.hidden_size,
        },
        milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
        ratios={
            "one request": ratio(seconds["ten dense prefills"], seconds["one request"]),
            "one dense request": ratio(seconds["ten dense prefills"], seconds["one dense request"]),
        },
        reference="ten dense prefills",
        config=chain.config,
        density=report.density,
        numbers={"prefills": report.context_prefills},
    )
