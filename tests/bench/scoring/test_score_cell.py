"""Scores of a cell: the file of them holds all that comparisons need, and no scorer costs an answer."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.score import Scores, ScoringFailure, score_cell
from sah_bench.store.cell_files import CellFiles
from sah_bench.tasks.row import Row
from sah_core import Registry, hookimpl
from sah_core.plugins import RegisterNamed


class OddError(Exception):
    """What the scorer `raises` raises."""


def raises(prediction: str, row: Row) -> float:
    raise OddError("the second\nof two lines") if prediction == "no" else SystemExit(3)


def given_extra(prediction: str, row: Row) -> Any:
    """What the row's further column says that a scorer gives."""
    return row.extra["gives"]


plugin = ModuleType("plugin")


@hookimpl
def sah_register_scorers(register: RegisterNamed) -> None:
    register("raises", f"{__name__}:raises")
    register("given", f"{__name__}:given_extra")
    register("missing", f"{__name__}:missing")
    register("number", f"{__name__}:NUMBER")


NUMBER = 3
vars(plugin).update(SAH_API_VERSION=1, sah_register_scorers=sah_register_scorers)
REGISTRY = Registry([EntryPoint("own", f"{__name__}:plugin", "sah")], environ={})


def make_rows(contexts: Sequence[str], **extra: Any) -> list[Row]:
    """A row for each, about that context; its number is the right answer."""
    return [Row(context, "?", (str(number),), 8, extra=extra) for number, context in enumerate(contexts)]


def answered(path: Path, *answers: tuple[int, str]) -> CellFiles:
    """A cell with these answers, in this order."""
    files = CellFiles(path)
    for sample, answer in answers:
        files.answers.append({"sample": sample, "answer": answer, "tokens": 1, "attended": None, "visible": None})
    return files


all_scores = st.integers(1, 12).flatmap(
    lambda count: st.builds(
        Scores,
        scorer=st.text(max_size=5),
        distribution=st.text(max_size=5),
        version=st.text(max_size=5),
        by_sample=st.dictionaries(st.integers(0, count - 1), st.floats(0, 1)),
        context_of=st.lists(st.integers(0, 3), min_size=count, max_size=count).map(tuple),
    )
)


@given(all_scores)
def test_the_file_holds_the_scores(scores: Scores) -> None:
    """What JSON makes of them and back is the same object, half answered or not at all."""
    assert Scores.from_dict(json.loads(json.dumps(scores.to_dict(), allow_nan=False))) == scores


@given(st.permutations(range(6)), st.lists(st.sampled_from("0123"), min_size=6, max_size=6))
def test_the_order_of_answers_leaves_no_trace(order: list[int], said: list[str]) -> None:
    """A cell whose samples were answered in another order has the same scores, to the byte of the file."""
    rows = make_rows("aabbcc")
    written = []
    with tempfile.TemporaryDirectory() as folder:
        for name, samples in (("sorted", sorted(order)), ("shuffled", order)):
            files = answered(Path(folder) / name, *((sample, said[sample]) for sample in samples))
            score_cell(files, rows, "exact")
            written.append((files.path / "scores.json").read_bytes())
    assert written[0] == written[1]


def test_scores_by_hand(tmp_path: Path) -> None:
    """Contexts a a b b, of which 1, -, 0 and 0 are right: 1/3 of 3 samples in 2 contexts."""
    files = answered(tmp_path, (3, "x"), (0, " 0"), (2, "x"), (0, "again, and too late"))
    scores = score_cell(files, make_rows("aabb"), "exact")
    assert isinstance(scores, Scores)
    # residuals 2/3 | -1/3 - 1/3: the root of 2/1 * 8/9 over 3
    assert scores.mean == pytest.approx(1 / 3)
    assert scores.standard_error == pytest.approx(4 / 9)
    assert files.scores == {
        "scorer": "exact",
        "distribution": "sah-bench",
        "version": version("sah-bench"),
        "mean": scores.mean,
        "standard_error": scores.standard_error,
        "samples": 3,
        "contexts": 2,
        "by_sample": [1.0, None, 0.0, 0.0],
        "context_of": [0, 0, 1, 1],
    }
    assert Scores.from_dict(files.scores) == scores


def test_a_cell_without_answers_has_no_mean(tmp_path: Path) -> None:
    """Its scores are a file all the same, with nulls."""
    scores = score_cell(CellFiles(tmp_path), make_rows("ab"), "f1")
    assert isinstance(scores, Scores)
    assert (scores.mean, scores.standard_error, scores.samples, scores.contexts) == (None, None, 0, 0)
    assert scores.to_dict()["by_sample"] == [None, None]


def test_an_answer_that_was_damaged_is_not_scored(tmp_path: Path) -> None:
    """A line that is no longer what was written counts as not answered."""
    files = answered(tmp_path, (0, "0"), (1, "1"))
    path = files.answers.path
    path.write_text(path.read_text().replace('"answer": "1"', '"answer": "7"'))
    scores = score_cell(files, make_rows("ab"), "exact")
    assert isinstance(scores, Scores)
    assert scores.by_sample == {0: 1.0}


@pytest.mark.parametrize("gives", [0, 1, True, 0.25, Fraction(1, 4)])
def test_any_number_is_a_score(tmp_path: Path, gives: Any) -> None:
    """A truth value, a whole number or a fraction from 0 to 1 is as good as a float."""
    scores = score_cell(answered(tmp_path, (0, "")), make_rows("a", gives=gives), "given", REGISTRY)
    assert isinstance(scores, Scores)
    assert (scores.scorer, scores.distribution, scores.mean) == ("given", "own", float(gives))
    assert type(scores.by_sample[0]) is float


@pytest.mark.parametrize(
    ("scorer", "gives", "said"),
    [
        ("raises", None, "scorer 'raises' of own unknown raised OddError on sample 1: the second of two lines"),
        ("given", 1.5, "scorer 'given' of own unknown should give a number from 0 to 1, and gave 1.5 for sample 1"),
        ("given", -1, "and gave -1.0 for sample 1"),
        ("given", float("nan"), "and gave nan for sample 1"),
        ("given", float("inf"), "and gave inf for sample 1"),
        ("given", 10**400, "scorer 'given' of own unknown raised OverflowError on sample 1: int too large"),
        ("given", "1", "and gave a value of type str for sample 1"),
        ("given", None, "and gave a value of type NoneType for sample 1"),
        ("given", (), "and gave a value of type tuple for sample 1"),
        ("given", (0.5, 2), "and gave 2.0 for sample 1"),
        ("missing", None, "scorer 'missing' of own: there is no missing in "),
        ("number", None, "scorer 'number' of own unknown raised TypeError on sample 1: 'int' object is not callable"),
        ("exakt", None, "unknown scorer 'exakt'; installed: given, missing, number, raises"),
    ],
)
def test_a_scorer_that_fails_costs_no_answer(tmp_path: Path, scorer: str, gives: Any, said: str) -> None:
    """The reason is a sentence in ``scores.json`` about the first sample that has one; the answers are as they were."""
    files = answered(tmp_path, (3, "no"), (1, "no"))
    before = files.answers.path.read_bytes()
    failure = score_cell(files, make_rows("abcd", gives=gives), scorer, REGISTRY)
    assert isinstance(failure, ScoringFailure)
    assert said in failure.error
    assert "\n" not in failure.error
    assert files.scores == {"error": failure.error}
    assert files.answers.path.read_bytes() == before


def test_a_score_of_two_parts(tmp_path: Path) -> None:
    """Parts (1, 1/4) and (1, 1/4): the root of 1 * 1/4, for the set and for each."""
    files = answered(tmp_path, (0, ""), (1, ""))
    scores = score_cell(files, make_rows("ab", gives=(1, 0.25)), "given", REGISTRY)
    assert isinstance(scores, Scores)
    assert scores.mean == pytest.approx(0.5)
    assert scores.by_sample == {0: pytest.approx(0.5), 1: pytest.approx(0.5)}


def test_parts_are_as_many_for_every_sample(tmp_path: Path) -> None:
    """A scorer that gives two numbers here and one there is told by name."""
    rows = [Row("a", "?", ("0",), 8, extra={"gives": (1, 1)}), Row("b", "?", ("1",), 8, extra={"gives": 1})]
    failure = score_cell(answered(tmp_path, (0, ""), (1, "")), rows, "given", REGISTRY)
    assert failure == ScoringFailure("scorer 'given' of own unknown should give as many numbers for every sample")


def test_a_scorer_that_leaves_is_a_failure(tmp_path: Path) -> None:
    """SystemExit in a scorer ends the scoring, not the process."""
    failure = score_cell(answered(tmp_path, (0, "yes")), make_rows("a"), "raises", REGISTRY)
    assert failure == ScoringFailure("scorer 'raises' of own unknown raised SystemExit on sample 0: 3")


def test_scoring_again_replaces_a_failure(tmp_path: Path) -> None:
    """With a scorer that works, the same answers have scores after all."""
    files = answered(tmp_path, (0, "0"))
    score_cell(files, make_rows("a"), "missing", REGISTRY)
    score_cell(files, make_rows("a"), "exact")
    assert files.scores is not None
    assert files.scores["mean"] == 1.0


def test_scoring_imports_no_torch(tmp_path: Path) -> None:
    """Scores can be made where there is no torch to load."""
    answered(tmp_path, (0, "0"))
    script = (
        "import sys; from pathlib import Path; from sah_bench.scoring.score import score_cell; "
        "from sah_bench.store.cell_files import CellFiles; from sah_bench.tasks.row import Row; "
        f"scores = score_cell(CellFiles(Path({str(tmp_path)!r})), [Row('c', '?', ('0',), 8)], 'f1'); "
        "print(scores.mean, sorted({'torch', 'transformers', 'pyarrow'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "1.0 []\n"
