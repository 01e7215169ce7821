"""The table of methods: what is recorded, which chains are compared, how a row reads."""

import math

import pytest
import torch
from benchmarks.methods.cells import Cell, dense_cell, measure_cell, timed_cell
from benchmarks.methods.chains import DENSITIES, LOCAL, SINK, methods
from benchmarks.methods.recording import RecordingAttention
from benchmarks.methods.table import page

from sah_core import AttentionInputs, AttentionState, ResearchAttention, load_config
from sah_hf import ModelAdapterHF
from sah_model_needle import NeedleTask


def four_keys() -> AttentionInputs:
    """One query whose attention weights are .1, .4, .2 and .3."""
    keys = torch.tensor([0.1, 0.4, 0.2, 0.3]).log().reshape(1, 1, 4, 1)
    return AttentionInputs(torch.ones(1, 1, 1, 1), keys, torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1))


@pytest.mark.parametrize(
    ("masker", "mass", "recall", "error"),
    [
        ({"kind": "oracle_top_k", "budget": 2}, 0.7, 1.0, (2.0 / 0.7 - 2.7) / 2.7),  # (.4 2 + .3 4) / .7 against 2.7
        ({"kind": "sink", "size": 1}, 0.1, 0.0, 1.7 / 2.7),
        ({"kind": "sink", "size": 2}, 0.5, 0.5, (2.7 - 1.8) / 2.7),  # (.1 1 + .4 2) / .5
        ({"kind": "causal"}, 1.0, 1.0, 0.0),
    ],
)
def test_what_is_recorded_of_four_keys(masker: dict[str, object], mass: float, recall: float, error: float) -> None:
    """Captured mass, recall of the best keys, and the output's error, by hand; the answer is the research backend's."""
    recording = RecordingAttention.from_config({"maskers": [masker]})
    recording.measuring = True
    answer = recording(four_keys())
    totals = recording.totals
    assert (totals.calls, totals.rows, totals.queries) == (1, 1, 1)
    assert math.isclose(totals.mass, mass, rel_tol=1e-5)
    assert math.isclose(totals.recall, recall, abs_tol=1e-6)
    assert math.isclose(totals.error, error, abs_tol=1e-5)
    plain = ResearchAttention.from_config({"maskers": [masker]})(four_keys())
    assert torch.equal(answer.output, plain.output)


@pytest.mark.parametrize("length", [1024, 4096])
@pytest.mark.parametrize("density", DENSITIES)
def test_every_chain_is_a_config_of_the_density(density: float, length: int) -> None:
    """Each validates; where a method has a budget, sink, window and budget together are the density's keys."""
    names = []
    for make in methods("channels", "weights"):
        method = make(density, length)
        names.append(method.name)
        for setting in (method.settings[0], method.settings[-1]):
            maskers = [dict(masker) for masker in method.maskers(setting)]
            load_config({"version": 1, "attention": {"maskers": maskers}})
        if "budget" in maskers[-1]:
            assert maskers[-1]["budget"] + SINK + LOCAL == math.ceil(density * length)
    assert len(names) == len(set(names)) == 10


def test_a_budget_is_met_and_an_oracle_finds_what_there_is() -> None:
    """On the embedded model: density as asked, more mass than a window captures, and every answer right."""
    dense, task = ModelAdapterHF("needle"), NeedleTask("retrieval", length=256, questions=4)
    make_oracle, make_window = methods("", "")[:2]
    oracle = measure_cell(dense, make_oracle(0.1, 256), task, 0.1, 4, 1)
    window = measure_cell(dense, make_window(0.1, 256), task, 0.1, 4, 1)
    assert dense_cell(dense, task, 4, 1).exact_match == oracle.exact_match == 1.0
    assert abs(oracle.density - 0.1) < 0.005
    assert abs(window.density - 0.1) < 0.005
    assert oracle.mass is not None
    assert window.mass is not None
    assert oracle.mass > window.mass
    assert oracle.recall is not None
    assert 16 / 26 < oracle.recall < 1  # sink and window take 10 of the 26 keys, wanted or not


def test_a_setting_is_found_by_its_density() -> None:
    """Sampling until a density is met: magicpig's tables, within the steps that there are."""
    dense, task = ModelAdapterHF("needle"), NeedleTask("retrieval", length=256, questions=4)
    magicpig = next(make(0.2, 256) for make in methods("", "") if make(0.2, 256).name == "magicpig")
    cell = measure_cell(dense, magicpig, task, 0.2, 4, 1)
    assert 0.1 < cell.density < 0.4
    assert cell.bits_per_token is not None
    assert cell.bits_per_token >= 16


def test_a_page_has_a_row_for_every_cell() -> None:
    """A section for each variant and length, the dense row first; what was not measured is a dash."""
    cells = [
        Cell("dense", None, "vote", 1024, 1.0, 8, 0.875, 0.117, 1.0),
        Cell(
            "quest", {"maskers": []}, "vote", 1024, 0.02, 8, 0.5, 0.177, 0.021, 0.25, 0.5, 0.75, 9.5, 1.5, 0.25, 256.0
        ),
    ]
    about = {
        "command": "python -m benchmarks methods",
        "machine": "a machine",
        "questions": 8,
        "seed": 1,
        "spacing": {"retrieval": 24, "vote": 8},
        "versions": {"torch": "2"},
    }
    text = page(cells, about)
    assert "| dense | 100.0% | 0.875 ± 0.117 | - | - | - | - | - | - | - |" in text
    assert "| quest | 2.1% | 0.500 ± 0.177 | 0.250 | 0.500 | 0.750 | 9.5 | 1.50 | 0.25 | 256 |" in text
    assert text.index("### dense") < text.index("### about 2%")


def test_recording_keeps_indexes_in_the_state() -> None:
    """The recording is a backend like any other: it keeps nothing between calls but its totals."""
    recording = RecordingAttention.from_config({"maskers": [{"kind": "quest", "budget": 2, "page_size": 2}]})
    state = AttentionState()
    inputs = AttentionInputs(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 6, 2), torch.ones(1, 1, 6, 2), state=state)
    for _ in range(3):
        recording(inputs)
    assert state.nbytes > 0
    assert (recording.totals.first_calls, recording.totals.calls) == (1, 2)
    assert recording.totals.first_seconds > 0
    assert recording.totals.select_seconds > 0


def test_a_cell_is_timed_apart() -> None:
    """Times are added to a cell without changing what was measured; dense attention has none."""
    dense, task = ModelAdapterHF("needle"), NeedleTask("retrieval", length=256, questions=4)
    quest = Cell("quest", {"maskers": [{"kind": "quest"}]}, "retrieval", 256, 0.1, 8, 0.5, 0.2, 0.1)
    timed = timed_cell(dense, quest, task, 1)
    assert timed.index_ms is not None
    assert timed.select_ms is not None
    assert timed.attend_ms is not None
    assert min(timed.index_ms, timed.select_ms, timed.attend_ms) > 0
    assert timed.exact_match == quest.exact_match
    plain = Cell("dense", None, "retrieval", 256, 1.0, 8, 1.0, 0.0, 1.0)
    assert timed_cell(dense, plain, task, 1) == plain
