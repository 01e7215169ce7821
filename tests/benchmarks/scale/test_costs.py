"""The formulas: what costs grow with, what a device must hold, and what is fitted to times."""

from typing import get_args

import pytest
import torch
from attrs import evolve
from benchmarks.masks.allocations import allocations
from benchmarks.request.models import llama
from benchmarks.scale.costs import DENSE, Costs, Method
from benchmarks.scale.fit import rates
from benchmarks.scale.leaderboard import Leaderboard
from benchmarks.scale.memory import USABLE, kept_contexts, needed_bytes
from benchmarks.scale.ruler import ANSWERS, LENGTHS, METHODS, MethodCosts, methods
from benchmarks.scale.shapes import ModelShape, known_shapes
from benchmarks.scale.speeds import ASSUMED, GPUS, Speeds
from hypothesis import given
from hypothesis import strategies as st

from sah_core.config import ModelConfig
from sah_core.config.load import parse_masker
from sah_hf.models.loading import load_tokenizer
from sah_tasks_ruler.config import QUESTION_FILES, RulerConfig, TaskName
from sah_tasks_ruler.ruler import Ruler

LLAMA = known_shapes()[0]
H100 = GPUS["H100"].at(ASSUMED["middle"], 1e-3)
QUEST = Method("quest", 0.05, parse_masker({"kind": "quest"}), key_flops=1e5, layer=1e-3)


def test_numbers_of_a_known_model() -> None:
    """Llama-3.1-8B by hand: 32 layers x 8 KV heads x 128 x 2 tensors x 2 bytes are 128 KiB a token."""
    assert LLAMA.kv_token_bytes == 2 * 32 * 8 * 128 * 2 == 131072
    assert LLAMA.kv_bytes(131072) == 2**34
    assert LLAMA.weight_bytes == 2 * 8_030_261_248
    costs = Costs(LLAMA, Speeds(matrices=1e14, attention=1e14, weights=1e12, keys=1e12, layer=0.0))
    weights = LLAMA.step_weight_bytes
    assert weights == LLAMA.weight_bytes - 2 * (128256 * 4096 + 65 * 4096)  # but for embeddings and norms
    assert costs.forward_seconds(DENSE, 1, 131072) == pytest.approx((weights + 3 * 2**34) / 1e12)
    assert costs.forward_seconds(DENSE, 1, 131072, batch=4) == pytest.approx((weights + 12 * 2**34) / 1e12)


@given(tokens=st.integers(2, 2**20), share=st.floats(0.01, 0.9), faster=st.floats(1.0, 100.0))
def test_less_attention_and_a_faster_device_never_take_longer(tokens: int, share: float, faster: float) -> None:
    """A step reads a share of the keys; twice the speeds are half the time, but for what layers call."""
    costs = Costs(LLAMA, H100)
    sparse = costs.forward_seconds(Method("window", share), 1, tokens)
    assert sparse <= costs.forward_seconds(DENSE, 1, tokens)
    assert costs.reading_seconds(tokens) <= costs.reading_seconds(tokens + 1)
    matrices, attention, weights, keys = (
        faster * each for each in (H100.matrices, H100.attention, H100.weights, H100.keys)
    )
    fast = Costs(LLAMA, Speeds(matrices, attention, weights, keys, H100.layer))
    called = LLAMA.layers * H100.layer
    assert fast.reading_seconds(tokens) - called == pytest.approx((costs.reading_seconds(tokens) - called) / faster)


def test_an_answer_is_its_parts() -> None:
    """Indexing, a forward with the question, and a step for every further token."""
    costs = Costs(LLAMA, H100)
    parts = costs.indexing_seconds(QUEST, 4096) + costs.forward_seconds(QUEST, 64, 4160)
    assert costs.answer_seconds(QUEST, 4096, 64, 1) == pytest.approx(parts)
    step = costs.forward_seconds(QUEST, 1, 4160)
    assert costs.answer_seconds(QUEST, 4096, 64, 11) == pytest.approx(parts + 10 * step)


@given(
    true=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=3),
    amounts=st.lists(st.tuples(*[st.floats(1.0, 100.0)] * 3), min_size=4, max_size=8),
)
def test_rates_are_found_again(true: list[float], amounts: list[tuple[float, ...]]) -> None:
    """Times that are such sums are explained by what was fitted; no rate is below zero."""
    rows = [amount[: len(true)] for amount in amounts]
    seconds = [sum(x * rate for x, rate in zip(row, true, strict=True)) for row in rows]
    found = rates(rows, seconds)
    assert min(found) >= 0
    for row, second in zip(rows, seconds, strict=True):
        assert sum(x * rate for x, rate in zip(row, found, strict=True)) == pytest.approx(second, rel=1e-2)


def test_too_few_times_for_a_fit() -> None:
    """Two times cannot tell three rates."""
    with pytest.raises(ValueError, match="at least 3 times are expected"):
        rates([(1, 2, 3), (2, 3, 4)], [1, 2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mlp", [256, 704])
def test_what_reading_holds_on_its_way(dtype: torch.dtype, mlp: int) -> None:
    """Cache and activations, as torch's profiler sees them; within 1 %, as positions take a few numbers too."""
    model = llama(
        dtype,
        2048,
        vocab_size=128,
        hidden_size=256,
        intermediate_size=mlp,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
    )
    shape, tokens = evolve(ModelShape.of(model.config), itemsize=dtype.itemsize), 512

    def read() -> object:
        with torch.no_grad():
            ids = torch.zeros((1, tokens), dtype=torch.int64)
            return model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values

    expected = shape.kv_bytes(tokens) + shape.activation_bytes(tokens)
    assert allocations(read).peak == pytest.approx(expected, rel=0.01)


def test_as_many_contexts_are_kept_as_fit() -> None:
    """One more would need more than the device has; a model that is too large keeps none."""
    every = methods({})
    for gpu in GPUS.values():
        for shape in known_shapes():
            costs = Costs(shape, gpu.at(ASSUMED["middle"], 1e-3))
            for tokens in LENGTHS:
                kept = kept_contexts(costs, every, gpu, tokens)
                assert needed_bytes(costs, every, tokens, kept + 1) > gpu.memory * USABLE
                if kept:
                    assert needed_bytes(costs, every, tokens, kept) <= gpu.memory * USABLE
    assert kept_contexts(Costs(known_shapes()[-1], H100), every, GPUS["H200"], 4096) == 0


def test_the_leaderboard_is_as_large_as_said() -> None:
    """30 methods of different names, 5 models, 13 tasks, 6 lengths; reading once never takes longer."""
    every = methods(dict.fromkeys(METHODS, MethodCosts(1e-3, 1e5)))
    assert len({method.name for method in every}) == 30
    assert (len(known_shapes()), len(ANSWERS), len(LENGTHS)) == (5, 13, 6)
    board = Leaderboard(known_shapes(), every, GPUS["H100"], H100, samples=10)
    assert board.seconds(shared=True) < board.seconds(shared=False)
    double = evolve(board, samples=20)
    assert double.seconds(shared=True) == pytest.approx(2 * board.seconds(shared=True))


def test_tables_hold_what_a_worker_keeps() -> None:
    """Every model and length that fits has all samples of all tasks, in tables of at most so many, nearly equal."""
    board = Leaderboard(known_shapes(), methods({}), GPUS["H100"], H100, samples=25)
    for most in (None, 4, 10):
        samples: dict[tuple[str, str, int], list[int]] = {}
        for table in board.tables(most):
            samples.setdefault((table.model, table.task, table.length), []).append(table.samples)
        assert set(samples) == {(model, task, length) for model, length in board.fits for task in ANSWERS}
        for (model, _, length), sizes in samples.items():
            assert sum(sizes) == 25
            assert max(sizes) - min(sizes) <= 1
            assert most is None or max(sizes) <= min(most, board.fits[model, length])


@pytest.mark.filterwarnings("ignore::sah_bench.tasks.task.TaskWarning")  # noise stands in for essays
@pytest.mark.parametrize("task", [task for task in get_args(TaskName) if task not in QUESTION_FILES])
def test_answers_are_as_long_as_rulers(task: TaskName) -> None:
    """As its rows say; those of qa need a file, and stand in the plugin's README."""
    (row,) = Ruler(RulerConfig(task=task, samples=1)).rows(900, 0, load_tokenizer(ModelConfig(name="needle")))
    assert row.max_new_tokens == ANSWERS[task]
