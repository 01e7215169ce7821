"""The matrix of cells, and their addresses: whatever may change an answer changes them, and nothing else does."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.config.load import load_bench
from sah_bench.plan.cell import Cell, address_of
from sah_bench.plan.plan import Plan, make_plan
from sah_bench.store.directory import ResultsDirectory
from sah_core import CalibrationError, ConfigError, UsageError
from sah_hf.errors import UnknownModelError
from sah_model_needle.checkpoint import directory as needle_files

WINDOW = {"name": "window", "maskers": [{"kind": "sink"}, {"kind": "local", "window": 8}]}
RANDOM = {"name": "random", "maskers": [{"kind": "sink"}, {"kind": "random", "rate": 0.2}]}
SMALL: dict[str, Any] = {
    "version": 1,
    "models": ["needle"],
    "attention": ["dense", WINDOW],
    "tasks": [{"kind": "needle", "samples": 4}],
    "lengths": [64],
    "workers": {"devices": ["cpu"], "threads": 1},
}


@pytest.fixture
def results(tmp_path: Path) -> ResultsDirectory:
    return ResultsDirectory.created(tmp_path / "results")


def planned(results: ResultsDirectory, **changes: Any) -> Plan:
    return make_plan(load_bench({**SMALL, **changes}), results)


def addresses(results: ResultsDirectory, **changes: Any) -> list[str]:
    return [cell.address for cell in planned(results, **changes).cells]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_an_address_does_not_know_the_order_of_keys(identity: dict[str, Any]) -> None:
    """16 hex digits, the same for the same values."""
    backwards = dict(reversed(identity.items()))
    assert address_of(identity) == address_of(backwards)
    assert len(address_of(identity)) == 16
    assert address_of({**identity, "one more": 1}) != address_of(identity)


# -- the matrix --------------------------------------------------------------------------------------------------------


def test_everything_is_crossed_with_everything(results: ResultsDirectory) -> None:
    """Attention x protocols x tasks x lengths x seeds; dense attention knows no protocol, so it is there once."""
    plan = planned(
        results,
        attention=["dense", WINDOW, RANDOM],
        protocols=["question", "generation"],
        tasks=[{"kind": "needle", "samples": 4}, {"kind": "needle", "variant": "vote", "samples": 2}],
        lengths=[128, 256],
        seeds=[0, 1, 2],
    )
    assert len(plan.cells) == (1 + 2 * 2) * 2 * 2 * 3
    assert len({cell.address for cell in plan.cells}) == len(plan.cells)
    assert len(plan.tables) == 2 * 2 * 3
    assert {cell.samples for cell in plan.cells if cell.task == "needle vote"} == {2}


def test_cells_with_the_same_model_and_rows_follow_one_another(results: ResultsDirectory) -> None:
    """So that a worker reads a context once for all of them."""
    plan = planned(results, attention=["dense", WINDOW, RANDOM], lengths=[128, 256], seeds=[0, 1])
    tables = [cell.table for cell in plan.cells]
    assert tables == sorted(tables, key=tables.index)


def test_a_plan_can_be_sent_to_another_process(results: ResultsDirectory) -> None:
    """Pickled and back, with every address as it was."""
    plan = planned(results)
    assert [cell.address for cell in pickle.loads(pickle.dumps(plan)).cells] == [cell.address for cell in plan.cells]


def test_a_plans_json_names_every_cell(results: ResultsDirectory) -> None:
    """Address, labels, samples and scorer, as JSON values."""
    plan = planned(results)
    first = json.loads(json.dumps(plan.to_dict()))["cells"][1]
    assert first == {
        "address": plan.cells[1].address,
        "model": "needle",
        "attention": "window",
        "swept": {},
        "protocol": "question",
        "task": "needle retrieval",
        "length": 64,
        "seed": 0,
        "samples": 4,
        "table": plan.cells[1].table,
        "scorer": "exact",
    }


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_the_same_config_has_the_same_addresses(results: ResultsDirectory) -> None:
    """Also under other names, in another order, and with other workers and timeouts."""
    before = addresses(results)
    assert addresses(results) == before
    renamed = {**WINDOW, "name": "another"}
    assert (
        addresses(results, attention=["dense", renamed], name="another", models=[{"name": "needle", "label": "n"}])
        == before
    )
    assert addresses(results, attention=[WINDOW, "dense"]) == before[::-1]
    assert addresses(results, workers={"devices": ["cpu", "cpu"], "threads": 2}, timeout={"sample": 9}) == before


@pytest.mark.parametrize(
    "change",
    [
        {"attention": ["dense", {**WINDOW, "maskers": [{"kind": "sink"}, {"kind": "local", "window": 9}]}]},
        {"attention": ["dense", {**WINDOW, "kind": "efficient"}]},
        {"attention": ["dense", {**WINDOW, "dense_layers": [0]}]},
        {"attention": ["dense", {**WINDOW, "seed": 1}]},
        {"protocols": ["generation"]},
    ],
    ids=str,
)
def test_changed_attention_is_another_cell(results: ResultsDirectory, change: dict[str, Any]) -> None:
    """And the dense cell beside it is the one that it was."""
    before, after = addresses(results), addresses(results, **change)
    assert before[0] == after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize(
    "change",
    [
        {"generation": {"repetition_penalty": 1.1}},
        {"truncate": "middle"},
        {"measure": {"metrics": ["density"]}},
        {"seeds": [1]},
        {"lengths": [65]},
        {"tasks": [{"kind": "needle", "samples": 5}]},
        {"tasks": [{"kind": "needle", "samples": 4, "spacing": 12}]},
        {"models": [{"name": "needle", "dtype": "bfloat16"}]},
    ],
    ids=str,
)
def test_whatever_may_change_an_answer_changes_every_address(results: ResultsDirectory, change: dict[str, Any]) -> None:
    """No cell of the one is a cell of the other."""
    assert not set(addresses(results)) & set(addresses(results, **change))


def test_versions_are_part_of_an_address(results: ResultsDirectory) -> None:
    """Of the libraries and of the packages whose maskers are used, and of no others."""
    dense, window = planned(results).cells
    assert {"torch", "transformers", "tokenizers", "sah-core", "sah-hf", "sah-bench"} <= dense.identity[
        "versions"
    ].keys()
    assert set(window.identity["versions"]) - set(dense.identity["versions"]) - {"numba"} == {"sah-masker-window"}


def copied_model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(str(needle_files()), tmp_path / "model"))


def test_a_model_is_what_its_files_hold(results: ResultsDirectory, tmp_path: Path) -> None:
    """Wherever they lie; a changed byte of the weights, or of the tokenizer, makes other cells."""
    folder = copied_model(tmp_path)
    copied = addresses(results, models=[str(folder)])
    assert copied == addresses(results)
    for name in ("model.safetensors", "tokenizer.json"):
        content = bytearray((folder / name).read_bytes())
        content[-2] ^= 1
        (folder / name).write_bytes(content)
        changed = addresses(results, models=[str(folder)])
        assert not set(changed) & set(copied)
        copied = changed


def test_a_file_is_its_rows(results: ResultsDirectory, tmp_path: Path) -> None:
    """Whatever it is called; a changed letter makes another cell."""
    row = {"context": "a b c", "question": "? a", "answer": "b"}
    task = {"kind": "file", "path": str(tmp_path / "mine.jsonl")}

    def written(path: str, **changes: str) -> list[str]:
        (tmp_path / path).write_text(json.dumps({**row, **changes}) + "\n")
        return addresses(results, tasks=[{**task, "path": str(tmp_path / path)}], lengths=[])

    before = written("mine.jsonl")
    assert written("renamed.jsonl") == before
    assert not set(written("mine.jsonl", answer="c")) & set(before)


# -- calibrations ------------------------------------------------------------------------------------------------------

HASH = {"name": "hash", "maskers": [{"kind": "sink"}, {"kind": "hashattention", "weights": "$calibrated"}]}
LEARN = {"maskers": ["hashattention"], "tasks": [{"kind": "needle", "samples": 4}], "length": 64}


def test_a_cell_waits_for_what_its_masker_learns(results: ResultsDirectory) -> None:
    """Its config names the folder, its address what is learned there and not where."""
    plan = planned(results, attention=["dense", HASH], calibration=LEARN)
    (calibration,) = plan.calibrations
    dense, hashed = plan.cells
    assert (dense.calibration, hashed.calibration) == (None, calibration.address)
    assert hashed.attention is not None
    assert hashed.attention.maskers[1].weights == str(  # type: ignore[attr-defined]  # a field of this masker's own
        results.calibration(calibration.address).resolve() / "hashattention"
    )
    assert str(results.path) not in json.dumps(hashed.identity)


def test_a_layers_own_masker_waits_as_well(results: ResultsDirectory) -> None:
    """Maskers of some layers alone get the folder too, and are part of the address."""
    sink = {"kind": "sink"}
    mixed = {"name": "mixed", "maskers": [sink], "overrides": [{"layers": "1-2", "maskers": HASH["maskers"]}]}
    plan = planned(results, attention=[mixed, {"name": "plain", "maskers": [sink]}], calibration=LEARN)
    (calibration,) = plan.calibrations
    cell, plain = plan.cells
    assert (cell.calibration, plain.calibration) == (calibration.address, None)
    assert cell.address != plain.address
    assert cell.attention is not None
    assert cell.attention.overrides[0].maskers[1].weights == str(  # type: ignore[attr-defined]  # as above
        results.calibration(calibration.address).resolve() / "hashattention"
    )
    assert str(results.path) not in json.dumps(cell.identity)


def test_other_text_to_learn_from_is_another_cell(results: ResultsDirectory, tmp_path: Path) -> None:
    """The same text is the same cell, in another directory as well."""
    before = addresses(results, attention=[HASH], calibration=LEARN)
    elsewhere = ResultsDirectory.created(tmp_path / "elsewhere")
    assert addresses(elsewhere, attention=[HASH], calibration=LEARN) == before
    assert addresses(results, attention=[HASH], calibration={**LEARN, "seed": 7}) != before


def test_the_text_to_learn_from_has_contexts_with_questions_and_answers(results: ResultsDirectory) -> None:
    """One document a context, each question followed by its answer."""
    plan = planned(results, calibration={**LEARN, "tasks": [{"kind": "needle", "samples": 4, "questions": 2}]})
    (calibration,) = plan.calibrations
    assert len(calibration.documents) == 2
    words = calibration.documents[0].split()
    assert words.count("?") == 2
    asked = words[words.index("?") + 1]
    answer = words[words.index("?") + 2 : words.index("?") + 5]
    assert " ".join([asked, *answer, "."]) in calibration.documents[0]  # as its record says


# -- what cannot be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (
            {"lengths": [9000]},
            UsageError,
            "task 'needle retrieval' at length 9000: length should be a whole number from",
        ),
        (
            {"tasks": [{"kind": "needle"}, {"kind": "needle", "name": "again", "scorer": "f1"}]},
            ConfigError,
            "tasks 'needle retrieval' and 'again' ask the same rows, and score them with 'exact' and 'f1'",
        ),
        ({"models": ["nedle"]}, UnknownModelError, "unknown model 'nedle': did you mean 'needle'?"),
        ({"tasks": [{"kind": "file", "path": "none.jsonl"}], "lengths": []}, ConfigError, "none.jsonl"),
        (
            {"attention": [{"name": "h", "maskers": [{"kind": "hashattention", "weights": "nowhere"}]}]},
            CalibrationError,
            "hashattention.weights: there is no calibration in nowhere: make one with sah calibrate",
        ),
        (
            {"workers": {"devices": ["cpu", "cuda:0"]}},
            ConfigError,
            "devices of one type are expected, not of cpu and cuda",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(
    results: ResultsDirectory, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    """One sentence that names it."""
    with pytest.raises(error) as raised:
        planned(results, **changes)
    assert said in str(raised.value)


def test_a_cell_is_told_in_a_line(results: ResultsDirectory) -> None:
    """Model, attention, protocol, task, length and seed."""
    names = [str(cell) for cell in planned(results).cells]
    assert names == [
        "needle: dense, needle retrieval at 64, seed 0",
        "needle: window from question, needle retrieval at 64, seed 0",
    ]
    assert isinstance(planned(results).cells[0], Cell)
