"""What a study found, in words and as a table."""

from __future__ import annotations

from io import StringIO

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sah_bench.tuning.result import (
    Confirmed,
    Cost,
    Figures,
    MethodResult,
    ParameterRange,
    TrialResult,
    TuningResult,
)
from sah_bench.tuning.terminal import print_tuning
from sah_bench.tuning.wording import changes, said_budget, said_cost, said_of, said_range, said_trials, said_value

START = Figures(samples=64, score=0.5, stderr=0.0625, density=0.12, seconds=0.02, megabytes=0.25)
TUNED = Figures(samples=64, score=0.75, stderr=0.05, density=0.048, seconds=0.0125, megabytes=0.5)
DENSE = Figures(samples=64, score=1.0, stderr=0.0, density=1.0, seconds=0.03, megabytes=0.0)
PARAMETERS = (
    ParameterRange("sink.size", 4, low=1, high=64, log=True),
    ParameterRange("quest.page_size", 16, choices=(4, 8, 16)),
    ParameterRange("quest.budget", 0.1, low=0.005, high=0.2, log=True),
)
TRIALS = (
    TrialResult(0, {"sink.size": 4, "quest.page_size": 16, "quest.budget": 0.1}, "complete", START),
    TrialResult(1, {"sink.size": 4, "quest.page_size": 8, "quest.budget": 0.0312345}, "complete", TUNED),
    TrialResult(2, {"sink.size": 2, "quest.page_size": 4, "quest.budget": 0.01}, "pruned", START, "below the median"),
)
QUEST = MethodResult(
    "quest",
    PARAMETERS,
    TRIALS,
    front=(1,),
    best=1,
    confirmed=Confirmed(START, TUNED, 0.25, 0.04),
    config="tuned/quest.yaml",
)
MAGICPIG = MethodResult("[magicpig]", (), (), (), None, problem="every trial failed: no [bold]keys[/bold]")
RESULT = TuningResult("a study", "needle", "vote at 1024 tokens", "density", 0.05, (QUEST, MAGICPIG), DENSE)


def printed(result: TuningResult) -> list[str]:
    """What a wide terminal shows."""
    file = StringIO()
    print_tuning(result, Console(file=file, width=200, markup=False, highlight=False, emoji=False))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_the_table() -> None:
    """A row for each method and one for dense; then what was tuned, as far as it differs; names are no markup."""
    lines = printed(RESULT)
    assert lines[0] == "a study: needle, vote at 1024 tokens; a density of at most 5 %"
    assert [line.split("  ")[0] for line in lines[2:6]] == ["method", "quest", "[magicpig]", "dense"]
    found = [" ".join(line.split()) for line in lines[2:6]]
    assert found == [
        "method start tuned tuned minus start density, start tuned trials",
        "quest 0.500 ± 0.062 0.750 ± 0.050 +0.250 ± 0.040 12.0 % (over) 4.80 % 2 complete, 1 pruned",
        "[magicpig] - - - - - none",
        "dense 1.000 ± 0.000 100 %",
    ]
    assert lines[7:] == [
        "quest: quest.page_size 8 (was 16), quest.budget 0.03123 (was 0.1)",
        "[magicpig]: every trial failed: no [bold]keys[/bold]",
    ]


def test_another_budget() -> None:
    """With a budget of seconds it is the time that stands beside the scores."""
    lines = printed(attrs.evolve(RESULT, of="seconds", budget=0.0125))
    assert lines[0].endswith("; at most 12.5 ms an answer")
    assert "ms an answer, start" in lines[2]
    assert " ".join(lines[3].split()).endswith("20.0 (over) 12.5 2 complete, 1 pruned")


def test_nothing_to_tune() -> None:
    """Where the start is the best, that is said."""
    lines = printed(attrs.evolve(RESULT, methods=(attrs.evolve(QUEST, best=0),)))
    assert lines[-1] == "quest: no trial was better than the start"


def test_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a console it goes to stdout, unwrapped."""
    print_tuning(RESULT)
    assert "quest.budget 0.03123 (was 0.1)" in capsys.readouterr().out


@given(st.dictionaries(st.text(), st.tuples(st.integers(0, 2), st.integers(0, 2))))
def test_changes_are_what_differs(values: dict[str, tuple[int, int]]) -> None:
    """From the start to the best trial, in the parameters' order, and no other."""
    parameters = tuple(ParameterRange(name, start) for name, (start, _) in values.items())
    trial = TrialResult(5, {name: tuned for name, (_, tuned) in values.items()}, "complete", TUNED)
    found = changes(MethodResult("m", parameters, (trial,), (5,), 5))
    assert [(each.name, (each.start, each.tuned)) for each in found] == [
        (name, pair) for name, pair in values.items() if pair[0] != pair[1]
    ]


def test_values_in_words() -> None:
    """As a config writes them; of a float four digits."""
    assert [said_value(each) for each in (True, 150, 0.0312345, 1e-7, "online")] == [
        *("true", "150", "0.03123", "1e-07", "online")
    ]


def test_ranges_in_words() -> None:
    """A few values, or from where to where."""
    assert said_range(PARAMETERS[0]) == "1 to 64 (log)"
    assert said_range(PARAMETERS[1]) == "4, 8 or 16"
    assert said_range(PARAMETERS[2]) == "0.005 to 0.2 (log)"
    assert said_range(ParameterRange("a", True, choices=(True,))) == "true"
    assert said_range(ParameterRange("a", 3)) == "-"


@pytest.mark.parametrize(
    ("of", "budget", "said", "cost"),
    [
        ("density", 0.05, "a density of at most 5 %", "5.00 %"),
        ("seconds", 0.25, "at most 250 ms an answer", "250"),
        ("megabytes", 1.5, "at most 1.5 MB of indexes", "1.50"),
        ("megabytes", 150.4, "at most 150.4 MB of indexes", "150"),
    ],
)
def test_costs_in_words(of: Cost, budget: float, said: str, cost: str) -> None:
    """A budget is said as it was asked for, a cost with the digits of a measurement."""
    assert said_budget(of, budget) == said
    assert said_cost(of, budget) == cost


def test_what_is_not_known() -> None:
    """It is a dash, a density too; the other costs are always known."""
    unknown = attrs.evolve(TUNED, density=None)
    assert [said_of(of, unknown) for of in ("density", "seconds", "megabytes")] == ["-", "12.5", "0.50"]
    assert said_of("density", None) == "-"
    assert said_cost("seconds", None) == "-"
    assert said_trials(MAGICPIG) == "none"
