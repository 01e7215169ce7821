"""No measurement changes an answer: the embedded model says the same, to the last bit of its logits, at every rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from sah_bench.measure.micro import MicroMetricLogger
from sah_core import default_registry
from sah_hf import AnswerReport, ModelAdapterHF, ReadContext, Request
from sah_model_needle import NeedleTask

METRICS = tuple(sorted(default_registry().metrics.names))
NARROW = [{"kind": "sink", "size": 4}, {"kind": "local", "window": 32}]
ATTENTION: dict[str, dict[str, Any]] = {
    "quest": {"kind": "efficient", "maskers": [*NARROW, {"kind": "quest", "page_size": 4, "budget": 0.1}]},
    "random": {"kind": "research", "maskers": [*NARROW, {"kind": "random", "rate": 0.2}]},
    "oracle": {"kind": "research", "maskers": [*NARROW, {"kind": "oracle_top_k", "budget": 0.1}]},
}
SAMPLE = NeedleTask(length=384, questions=3).sample(seed=1)
REQUEST = Request(SAMPLE.context, SAMPLE.questions)


@pytest.fixture(scope="module")
def needle() -> ModelAdapterHF:
    """The embedded model, once."""
    return ModelAdapterHF("needle")


@pytest.fixture(scope="module")
def context(needle: ModelAdapterHF) -> ReadContext:
    """The sample's context, read once."""
    return needle.read_context(REQUEST)


@contextmanager
def logits_of(model: Any) -> Iterator[list[Tensor]]:
    """Every forward's logits within it."""
    found: list[Tensor] = []
    handle = model.register_forward_hook(lambda module, given, output: found.append(output.logits.clone()))
    try:
        yield found
    finally:
        handle.remove()


def asked(
    needle: ModelAdapterHF, context: ReadContext, chain: str, rate: float | None, **generation: Any
) -> tuple[dict[str, Any], list[Any]]:
    """All that a request says and leaves behind, and each sample's measurements."""
    adapter = ModelAdapterHF(
        needle.model, ATTENTION[chain], needle.tokenizer, generation={"max_new_tokens": 6, **generation}
    )
    logger = None if rate is None else MicroMetricLogger(METRICS, rate=rate, seed=2)
    tables: list[Any] = []
    keys: list[tuple[int | None, int | None]] = []

    def keep(number: int, text: str, report: AnswerReport) -> None:
        keys.append((report.attended, report.visible))
        if logger is not None:
            tables.append(logger.table())
            logger.begin(number + 1, len(context.tokens))

    if logger is not None:
        logger.begin(0, len(context.tokens))
    torch.manual_seed(11)
    with logits_of(needle.model) as logits:
        response = adapter.process_request(REQUEST, on_answer=keep, on_call=logger, context=context)
    assert logger is None or logger.errors == []
    left = {"answers": response.responses, "keys": keys, "logits": logits, "random": torch.get_rng_state()}
    return left, tables


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (one["answers"], one["keys"]) == (other["answers"], other["keys"])
    assert len(one["logits"]) == len(other["logits"]) > 0
    assert all(torch.equal(a, b) for a, b in zip(one["logits"], other["logits"], strict=True))
    assert torch.equal(one["random"], other["random"])


@pytest.mark.parametrize("chain", ATTENTION)
def test_whatever_is_measured(needle: ModelAdapterHF, context: ReadContext, chain: str) -> None:
    """All metrics of every call, of every tenth, of none: equal answers, keys, logits, and global random state.

    What a rate of a tenth measures is, row for row, what measuring everything says of the same calls.
    """
    off, _ = asked(needle, context, chain, None)
    everything, all_rows = asked(needle, context, chain, 1.0)
    some, some_rows = asked(needle, context, chain, 0.1)
    same(everything, off)
    same(some, off)
    rows = {(row["sample"], row["layer"], row["head"], row["step"], row["metric"]): row["value"]
            for table in all_rows for row in table.to_pylist()}  # fmt: skip
    tenth = [row for table in some_rows for row in table.to_pylist()]
    assert 0 < len(tenth) < len(rows) / 2
    for row in tenth:
        assert rows[row["sample"], row["layer"], row["head"], row["step"], row["metric"]] == row["value"]


def test_sampled_answers(needle: ModelAdapterHF, context: ReadContext) -> None:
    """Where tokens are drawn from the global generator, measuring draws none of its numbers."""
    options = {"do_sample": True, "temperature": 3.0}
    off, _ = asked(needle, context, "random", None, **options)
    same(asked(needle, context, "random", 1.0, **options)[0], off)
    greedy, _ = asked(needle, context, "random", None)
    assert off["answers"] != greedy["answers"], "answers that are not drawn would prove nothing"


@pytest.mark.parametrize("chain", ATTENTION)
def test_measured_densities_are_the_reports(needle: ModelAdapterHF, context: ReadContext, chain: str) -> None:
    """With every call measured, a sample's densities times its visible keys add up to the keys that it attended to."""
    left, tables = asked(needle, context, chain, 1.0)
    for (attended, visible), table in zip(left["keys"], tables, strict=True):
        rows = [row for row in table.to_pylist() if row["metric"] == "density"]
        seen = [len(context.tokens) + row["step"] + 1 for row in rows]
        assert sum(seen) == visible
        assert sum(round(row["value"] * keys) for row, keys in zip(rows, seen, strict=True)) == attended


def test_it_stays_with_its_tensors(needle: ModelAdapterHF, context: ReadContext) -> None:
    """Under a default device that has no data, nothing that a metric makes lands there: the same rows."""
    _, expected = asked(needle, context, "random", 1.0)
    with torch.device("meta"):
        _, found = asked(needle, context, "random", 1.0)
    assert found == expected


def test_what_is_measured_makes_sense(needle: ModelAdapterHF, context: ReadContext) -> None:
    """Deterministic masks have no variance; chosen keys hold more mass than random ones, and an oracle's the most."""
    means: dict[tuple[str, str], float] = {}
    for chain in ATTENTION:
        rows = [row for table in asked(needle, context, chain, 1.0)[1] for row in table.to_pylist()]
        for metric in METRICS:
            values = [row["value"] for row in rows if row["metric"] == metric]
            assert None not in values
            means[chain, metric] = sum(values) / len(values)
    assert means["oracle", "variance"] == means["quest", "variance"] == 0
    assert means["random", "variance"] > 0
    assert means["quest", "density"] < means["random", "density"]
    for metric in ("mass", "recall"):
        assert means["oracle", metric] > means["quest", metric] > means["random", metric]
    assert means["oracle", "output_error"] < means["quest", "output_error"]
