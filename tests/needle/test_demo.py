"""`sah demo`: what it measures, how it is told, bad options, and Ctrl-C."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import pytest

from sah_core import ConfigError, UnknownMaskerError, UsageError
from sah_core.cli import main
from sah_hf import ModelAdapterHF
from sah_model_needle import NeedleTask
from sah_model_needle.break_even import LENGTHS, StepSeconds, pays_from
from sah_model_needle.demo import Advance, Demo, run_demo
from sah_model_needle.demo_output import JsonOutput, TableOutput
from sah_model_needle.methods import demo_methods, methods_with, oracle_top_k, sink_and_local
from sah_model_needle.scoring import score


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Dense and the oracle answer, a window of the same density does not; every number is there and fits the others."""
    assert main(["demo", "--json", "--questions", "16"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["finished"] is True
    assert shown["questions"] == 16
    assert shown["task"] == {"variant": "retrieval", "length": 1024, "spacing": 24, "questions": 16}
    dense, top_k, window, *others = shown["rows"]
    assert [row["method"] for row in shown["rows"]] == [method.name for method in demo_methods(1024)]
    assert dense["right"] >= 15
    assert top_k["right"] >= 15
    assert window["right"] <= 6
    assert dense["density"] == 1.0
    assert top_k["density"] == pytest.approx(0.1, abs=0.002)
    assert window["density"] == pytest.approx(0.1, abs=0.002)
    assert dense["output_error"] is None
    for row in [top_k, window, *others]:
        assert len(row["output_error_by_layer"]) == 4
        assert row["output_error"] == pytest.approx(sum(row["output_error_by_layer"]) / 4)
    assert top_k["output_error_by_layer"][1] < 0.5 * window["output_error_by_layer"][1]
    for row in shown["rows"]:
        assert row["exact_match"] == row["right"] / row["questions"]
        assert row["standard_error"] == pytest.approx(math.sqrt(row["exact_match"] * (1 - row["exact_match"]) / 16))
        assert row["seconds_per_answer"] > 0
        assert list(row["step_seconds"]) == list(row["dense_step_seconds"]) == [str(length) for length in LENGTHS]
        assert row["pays_from"] in (None, *LENGTHS)


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The same as a table: a row a method, nothing but the table on stdout, no progress bar in a pipe."""
    assert main(["demo", "--questions", "2", "--length", "256", "--seed", "3"]) == 0
    shown = capsys.readouterr()
    first, second, blank, header, *rows = shown.out.splitlines()
    assert first.startswith("2 questions on 1 context of 256 tokens")
    assert second == "model needle in float32 on cpu, on one thread"
    assert blank == ""
    assert " ".join(header.split()) == "method exact match density output error ms/answer pays from"
    for row, method in zip(rows, demo_methods(256), strict=False):
        assert row.startswith(method.name)
    assert shown.err == ""


def test_a_masker_of_the_users_choice(capsys: pytest.CaptureFixture[str]) -> None:
    """It follows a small sink and window, whose row stands above it, and its share is seen in the measured density."""
    masker = '{"kind": "oracle_top_k", "budget": 26}'
    assert main(["demo", "--json", "--questions", "4", "--length", "256", "--masker", masker]) == 0
    dense, top_k, window, chosen = json.loads(capsys.readouterr().out)["rows"]
    assert (dense["method"], top_k["method"]) == ("dense", "oracle_top_k 10 %")
    assert (window["method"], chosen["method"]) == ("sink 4 + local 16", "+ oracle_top_k 26 keys")
    assert chosen["attention"]["maskers"] == [*window["attention"]["maskers"], json.loads(masker)]
    assert (window["right"], chosen["right"]) == (0, 4)
    assert window["density"] == pytest.approx(20 / 259, abs=0.002)  # 259 is half-way through question and answer
    assert chosen["density"] == pytest.approx(46 / 259, abs=0.002)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("oracle_top_k", ["+ oracle_top_k 5 %", "+ oracle_top_k 1 %", "+ oracle_top_k 0.25 %"]),
        ('{"kind": "oracle_top_k", "budget": 0.3}', ["+ oracle_top_k 30 %"]),
        (
            '{"kind": "oracle_top_k", "share_kv_group": true}',
            [f"+ oracle_top_k {share} % share_kv_group true" for share in ("5", "1", "0.25")],
        ),
        ("double_sparsity", ["+ double_sparsity 256 keys", "+ double_sparsity 51 keys", "+ double_sparsity 12 keys"]),
        ("random", ["+ random 10 %", "+ random 2 %", "+ random 0.5 %"]),
        ("oracle_top_p", ["+ oracle_top_p"]),
        ('{"kind": "oracle_top_p", "mass": 1}', ["+ oracle_top_p mass 1.0"]),
    ],
)
def test_less_is_tried_where_no_budget_is_given(given: str, names: list[str]) -> None:
    """A default budget, a fifth and a twentieth of it; a budget that is given, and a masker without one, as it is."""
    assert [method.name for method in methods_with([given])][3:] == names
    assert [method.name for method in methods_with([given, "causal"])][-1] == "+ causal"


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("oracle_topk", UnknownMaskerError, "unknown masker 'oracle_topk' (did you mean 'oracle_top_k'?)"),
        ('{"kind": "local", "windw": 3}', ConfigError, "unknown field 'windw', did you mean 'window'?"),
        ("{kind: local}", UsageError, "--masker should be a masker's name or a JSON object, not '{kind: local}'"),
    ],
)
def test_what_is_no_masker_is_refused_before_loading(given: str, error: type[Exception], said: str) -> None:
    """The config's own sentence, as in a run's config."""
    with pytest.raises(error, match=re.escape(said)):
        run_demo(1, 256, 0, JsonOutput(), [given])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--questions", "0"], "--questions should be at least 1, not 0"),
        (["--length", "31"], "length should be a whole number from 32 to 8192, not 31"),
        (["--length", "10000"], "length should be a whole number from 32 to 8192, not 10000"),
        (["--seed", "-1"], "seed should be a whole number from 0 up, not -1"),
    ],
)
def test_bad_options(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence on stderr and exit code 2, before anything is loaded."""
    assert main(["demo", *arguments]) == 2
    assert capsys.readouterr().err == f"{said}\n"


class _Interrupting:
    """An output during which Ctrl-C is pressed when the second method begins."""

    def __init__(self, output: JsonOutput | TableOutput) -> None:
        self._output = output

    @contextmanager
    def progress(self, total: int) -> Iterator[Advance]:
        def advance(what: str, count: int) -> None:
            if what == demo_methods(256)[1].name:
                raise KeyboardInterrupt

        yield advance

    def show(self, demo: Demo, *, finished: bool) -> None:
        self._output.show(demo, finished=finished)


@pytest.mark.parametrize("output", [JsonOutput(), TableOutput()], ids=["json", "table"])
def test_interrupt_keeps_finished_rows(output: JsonOutput | TableOutput, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows that are finished are shown, as not all, and the interrupt goes on to the command line."""
    with pytest.raises(KeyboardInterrupt):
        run_demo(2, 256, 0, _Interrupting(output))
    shown = capsys.readouterr().out
    if isinstance(output, JsonOutput):
        found = json.loads(shown)
        assert found["finished"] is False
        assert [row["method"] for row in found["rows"]] == ["dense"]
    else:
        assert "\ndense " in shown
        assert "oracle_top_k" not in shown
        assert "Interrupted: only the methods above were finished." in shown


def test_score_counts_wrong_answers() -> None:
    """Three of four questions with another answer than the context's: one is right, at the density of the report."""
    sample = NeedleTask(length=256, questions=4).sample(5)
    wrong = ("one two", f"{sample.answers[1]} one", "")
    method = oracle_top_k(0.1)
    adapter = ModelAdapterHF("needle", method.attention)
    asked = score(adapter, [attrs.evolve(sample, answers=(sample.answers[0], *wrong))], measure_error=True)
    assert (asked.questions, asked.right, asked.exact_match) == (4, 1, 0.25)
    assert asked.density == pytest.approx(0.1, abs=0.01)
    assert asked.output_error is not None
    assert asked.output_error > 0


def test_sink_and_local_by_hand() -> None:
    """10 % of 1024 keys, rounded up, is 103: four at the start, 99 at the end."""
    method = sink_and_local(0.1, 1024)
    assert method.maskers == ({"kind": "sink", "size": 4}, {"kind": "local", "window": 99})


def test_methods_run_on_the_efficient_backend_where_they_can() -> None:
    """A masker that chooses by exact logits needs the research backend; a list without one reads what it keeps."""
    kinds = [method.attention and method.attention["kind"] for method in demo_methods(1024)]
    assert kinds == [None, "research", "efficient", "research", "research", "research"]
    added = methods_with(["quest", "oracle_top_p"])[3:]
    assert {method.name.split()[1]: (method.attention or {})["kind"] for method in added} == {
        "quest": "efficient",
        "oracle_top_p": "research",
    }


def test_pays_from_by_hand() -> None:
    """The shortest length from which on it is always faster; a short win before a loss does not count."""
    dense = {1: 1.0, 2: 2.0, 4: 4.0, 8: 8.0}
    assert pays_from(StepSeconds({1: 0.5, 2: 3.0, 4: 3.0, 8: 3.0}, dense)) == 4
    assert pays_from(StepSeconds({1: 0.5, 2: 1.0, 4: 1.0, 8: 9.0}, dense)) is None
    assert pays_from(StepSeconds({1: 0.5, 2: 1.0, 4: 1.0, 8: 1.0}, dense)) == 1
    assert pays_from(StepSeconds(dense, dense)) is None


def test_questions_are_checked_before_loading() -> None:
    """`run_demo` itself refuses what cannot be asked."""
    with pytest.raises(UsageError, match="at least 1, not -3"):
        run_demo(-3, 256, 0, JsonOutput())
