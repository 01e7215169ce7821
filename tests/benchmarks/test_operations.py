"""The operations that are timed: that each is what its name says, and that every command runs, at tiny sizes."""

import argparse
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.calls.calibrations import Calibrations, random_calibrations
from benchmarks.calls.call import Call, Heads
from benchmarks.calls.chains import fixed_budget, quest, samplers, selectors, window
from benchmarks.calls.dense import DENSE, dense_attention
from benchmarks.calls.subjects import attended_bytes, chain_subject, random_mask
from benchmarks.decode import command as decode
from benchmarks.masks import command as masks
from benchmarks.masks.allocations import Allocations, allocations, held
from benchmarks.prefill import command as prefill
from benchmarks.request import command as request
from benchmarks.request.decoding import decoding
from benchmarks.request.models import llama
from benchmarks.results.bars import BARS
from benchmarks.results.record import Record, read_records
from benchmarks.startup.command import PROCESSES

from sah_core import Mask, masked_attention

SMALL = Heads(query=4, kv=2, width=16)


@pytest.fixture(scope="module")
def calibrations(tmp_path_factory: pytest.TempPathFactory) -> Calibrations:
    return random_calibrations(tmp_path_factory.mktemp("calibrations"), SMALL)


@pytest.mark.parametrize("queries", [1, 3])
def test_dense_contenders_are_dense_attention(queries: int) -> None:
    """All three give what attention under a full mask gives, with and without the causal mask."""
    plain = Call.random(40, torch.float32, SMALL, queries)
    for call in (plain, plain.with_causal_mask()):
        expected = masked_attention(call.inputs(), Mask.full(call.inputs().shape))
        for name in DENSE:
            torch.testing.assert_close(dense_attention(call)[name]().reshape(expected.shape), expected)


def test_a_causal_mask_hides_the_later_of_the_new_keys() -> None:
    """Three new tokens onto two: the first sees three keys, the last all five; a step's own mask is zeros."""
    seen = Call.random(2, torch.float32, SMALL, queries=3).with_causal_mask().inputs().visible
    assert seen[0, 0].sum(-1).tolist() == [3, 4, 5]
    single = Call.random(4, torch.bfloat16, SMALL).with_causal_mask().attention_mask
    assert single is not None
    assert single.dtype == torch.bfloat16
    assert bool((single == 0).all())


def test_peaked_logits_hold_most_mass_in_few_keys() -> None:
    """The 32 heaviest of 2048 keys hold more than nine tenths of every query head's weight, the group's the same."""
    call = Call.peaked(2048, torch.float32, Heads())
    weights = call.inputs().logits.softmax(-1)
    heaviest = weights.topk(32, -1)
    assert float(heaviest.values.sum(-1).min()) > 0.9
    groups = heaviest.indices.sort(-1).values.reshape(8, 4, 32)
    assert bool((groups == groups[:, :1]).all())
    random = Call.random(2048, torch.float32, Heads()).inputs().logits.softmax(-1)
    assert float(random.topk(32, -1).values.sum(-1).max()) < 0.5


def test_what_must_be_read_is_counted_once_a_kv_head() -> None:
    """Heads 0 and 1 read keys 0, 1 and 1, 2 of KV head 0; heads 2 and 3 key 5 of KV head 1: 4 keys and values of 16."""
    call = Call.random(7, torch.bfloat16, SMALL)
    rows = torch.tensor([[0, 1], [1, 2], [5, 0], [5, 0]]).reshape(1, 4, 1, 2)
    mask = Mask.from_indices(call.inputs().shape, rows, counts=torch.tensor([2, 2, 1, 1]).reshape(1, 4, 1))
    assert attended_bytes(call, mask) == 4 * 2 * 16 * 2


@pytest.mark.parametrize("heads", [2, 4])
def test_random_masks_have_their_share(heads: int) -> None:
    """A tenth of 100 keys is 10 in every row, other ones in each."""
    mask = random_mask(Call.random(99, torch.float32, SMALL), 0.1, heads)
    assert set(mask.attended().flatten().tolist()) == {10}
    assert len({tuple(row) for row in mask.to_indices()[0][0, :, 0].tolist()}) == heads


def test_selectors_take_the_density() -> None:
    """2 % of 32768 are 656 keys: sink 4, local 64 and a budget of 588; a fixed budget is the same at any context."""
    for chain in selectors(32768, Calibrations("a", "b"), shared=True):
        sink, local, method = chain.maskers
        assert sink["size"] + local["window"] + method["budget"] == math.ceil(0.02 * 32768) == 656
        assert method["share_kv_group"]
    for chain in fixed_budget(Calibrations("a", "b")):
        assert [next(iter(set(masker.values()) & {128, 512})) for masker in chain.maskers] == [128, 128, 512]


def test_a_subject_has_a_whole_and_parts_of_the_same_mask(calibrations: Calibrations) -> None:
    """select gives the mask, step the output that attend gives; only what scores has a part for that."""
    call = Call.random(511, torch.float32, SMALL)
    for chain in (
        window(8, 8),
        *selectors(511, calibrations, shared=True),
        *selectors(511, calibrations, shared=False),
    ):
        subject = chain_subject(call, chain)
        assert subject.parts["select"]() == subject.mask
        step: Any = subject.parts["step"]()
        torch.testing.assert_close(step.output, subject.parts["attend"]())
        assert ("score" in subject.parts) == (chain.name != "sink + local")
        if "score" in subject.parts:
            scores: Any = subject.parts["score"]()
            assert scores.shape[0] == 1
            assert scores.shape[2] == 1
    assert chain_subject(call, window(8, 8)).nbytes == {"attended": 16 * 2 * 2 * 16 * 4, "index": 0}


def test_every_sampler_is_a_chain_that_runs() -> None:
    """On peaked logits, with a density between none and all."""
    call = Call.peaked(511, torch.float32, SMALL)
    for chain in samplers(511):
        assert 0 < chain_subject(call, chain).mask.density() <= 1


def test_memory_is_what_was_taken_and_not_given_back() -> None:
    """Taken 10, given back 4, taken 20, given back 26: at most 26 at once, 20 in one piece, 30 in all."""
    assert held([10, -4, 20, -26]) == Allocations(peak=26, largest=20, total=30)
    assert held([]) == Allocations(0, 0, 0)


def test_allocations_of_a_work() -> None:
    """A tensor of 1000 floats takes 4000 bytes, twice at once where the first is kept."""
    found = allocations(lambda: torch.zeros(1000) + 1)
    assert found.largest == 4000
    assert 8000 <= found.peak < 12000


def run(command: Any, folder: Path, *words: str) -> Record:
    """The record that a command writes into the folder."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = parser.parse_args([*words, "--rounds", "1", "-o", str(folder)])
    arguments.run = command.run
    threads = torch.get_num_threads()
    try:
        command.run(arguments)
    finally:
        torch.set_num_threads(threads)
    (record,) = read_records(folder / "performance.json").values()
    assert str(folder) not in (folder / "performance.md").read_text(encoding="utf-8")
    return record


def test_decode_measures_what_the_bars_are_about(tmp_path: Path) -> None:
    """At 512 keys: every operation and ratio that a bar names is among the rows, and every density was counted."""
    words = "--contexts 512 --detail 512 --densities 0.1 --grow 512 1024 --dtypes float32 --work"
    record = run(decode, tmp_path, *words.split(), str(tmp_path / "work"))
    measured = {(row.operation, name) for row in record.rows for name in row.ratios}
    wanted = {(bar.operation, bar.ratio) for bar in BARS if bar.benchmark == "decode"}
    assert wanted <= measured
    tables = {row.table for row in record.rows}
    assert all(any(table.startswith(bar.table) for table in tables) for bar in BARS if bar.benchmark == "decode")
    assert all(row.density is not None for row in record.rows if "attend" in row.milliseconds and row.reference)
    assert record.bandwidth > 0


@pytest.mark.parametrize(
    ("command", "words", "operations"),
    [
        (prefill, "--context 256 --queries 1 3 --dtypes bfloat16", {"sink + local", "quest, shared"}),
        (masks, "--contexts 512", {"sink + local", "quest, shared", "to_dense of that, per head"}),
        (
            request,
            "--dtypes float32 --context 256 --layers 1 --hidden 128 --mlp 64 --asked 128 --asked-rounds 1",
            {"ten questions", "sdpa", "matmul", "sink + local", "quest"},
        ),
    ],
    ids=["prefill", "masks", "request"],
)
def test_other_commands_measure(
    command: Any, words: str, operations: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writes rows of its operations; what a bar of it names is among them."""
    monkeypatch.chdir(tmp_path)
    record = run(command, tmp_path / "results", *words.split())
    assert operations <= {row.operation for row in record.rows}
    wanted = {(bar.operation, bar.ratio) for bar in BARS if bar.benchmark == record.benchmark}
    assert wanted <= {(row.operation, name) for row in record.rows for name in row.ratios}


def test_decoding_leaves_the_model_as_it_was() -> None:
    """The implementation and, after every sample, the context's length."""
    shape = {"hidden_size": 64, "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = llama(torch.float32, 512, vocab_size=16, num_hidden_layers=1, **shape)
    chains = {"quest": quest(200)}
    rows = decoding(model, 200, chains, rounds=1)
    assert [(row.operation, row.setting["cache"]) for row in rows] == [
        ("sdpa", "growing"),
        ("sdpa", "preallocated"),
        ("matmul", "growing"),
        ("quest", "growing"),
        ("quest", "preallocated"),
    ]
    assert rows[0].ratios["against sdpa"].median == 1
    for row in rows:
        shares = [value for name, value in row.numbers.items() if name.startswith("share of")]
        assert len(shares) == (2 if row.setting["cache"] == "growing" else 1)
        possible = row.ratios["against sdpa"].median / sum(shares)
        assert row.numbers["x against sdpa if attention took no time"] == pytest.approx(possible)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_start(name: str) -> None:
    """What startup times does what it should: it succeeds."""
    subprocess.run([sys.executable, *PROCESSES[name]], check=True, capture_output=True)


def test_the_command_line_offers_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m benchmarks --help` names every benchmark."""
    from benchmarks.__main__ import main

    monkeypatch.setattr(sys, "argv", ["benchmarks", "--help"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert all(
        name in shown
        for name in (
            "methods",
            "decode",
            "prefill",
            "request",
            "masks",
            "startup",
            "measuring",
            "sweep",
            "gpu",
            "report",
        )
    )
