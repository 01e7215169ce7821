"""The config of RULER's tasks: what belongs together, and what each mistake is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sah_bench import load_bench
from sah_core.errors import ConfigError
from sah_core.plugins import default_registry
from sah_tasks_ruler.config import HAYSTACK_OF, RulerConfig, TaskName

from .made_files import TASKS


def config(task: TaskName, **given: Any) -> RulerConfig:
    """A config, qa's with a file of questions."""
    questions = {"questions": "q.json"} if task.startswith("qa") else {}
    return RulerConfig.model_validate({"task": task, **questions, **given})


def test_there_are_thirteen_tasks() -> None:
    """Each is called what RULER calls it, or its name, and has RULER's scorer, or its own."""
    assert len(TASKS) == 13
    for task in TASKS:
        assert config(task).label == f"ruler {task}"
        assert config(task, name="mine").label == "mine"
        assert config(task).scored_by == ("ruler_part" if task in ("qa_1", "qa_2") else "ruler_all")
        assert config(task, scorer="exact").scored_by == "exact"
        assert config(task).samples == 100
        assert (config(task).sized, config(task).seeded, config(task).tokenized) == (True, True, True)


def test_the_haystacks_are_rulers() -> None:
    """Those of its synthetic.yaml, where essays are named; noise stands in for essays that are not."""
    for task, haystack in HAYSTACK_OF.items():
        named = config(task, essays="e.txt") if haystack == "essay" else config(task)
        assert named.hidden_in == haystack
        assert not named.without_essays
    assert config("niah_single_2").hidden_in == "noise"
    assert config("niah_single_2").without_essays
    assert config("niah_single_2", haystack="needle").hidden_in == "needle"
    assert not config("niah_single_2", haystack="noise").without_essays
    assert config("vt", haystack="essay", essays="e.txt").hidden_in == "essay"
    assert config("cwe").hidden_in is None


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"task": "niah"}, "Input should be 'niah_single_1', "),
    ({"task": "vt", "samples": 0}, "Input should be greater than or equal to 1"),
    ({"task": "vt", "samples": None}, "vt never runs out of samples: give a number, such as samples: 100"),
    ({"task": "cwe", "haystack": "noise"}, "cwe hides nothing in a haystack: leave haystack out"),
    ({"task": "vt", "haystack": "needle"}, "vt has no needles that could be its haystack: choose noise or essay"),
    (
        {"task": "niah_single_1", "haystack": "essay"},
        "haystack: essay needs a file of essays, such as essays: PaulGrahamEssays.json",
    ),
    (
        {"task": "niah_single_1", "essays": "e.txt"},
        "niah_single_1 has the haystack noise: leave essays out, or choose haystack: essay",
    ),
    (
        {"task": "niah_single_2", "essays": "e.txt", "haystack": "needle"},
        "niah_single_2 has the haystack needle: leave essays out, or choose haystack: essay",
    ),
    ({"task": "fwe", "essays": "e.txt"}, "fwe has no haystack that could be essays: leave essays out"),
    ({"task": "fwe", "questions": "q"}, "fwe makes its own questions: leave questions out, which qa_1 and qa_2 need"),
    (
        {"task": "qa_1"},
        "qa_1 needs questions: the path of a file like SQuAD's, published as "
        "https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v2.0.json",
    ),
    (
        {"task": "qa_2"},
        "qa_2 needs questions: the path of a file like HotpotQA's, published as "
        "http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_dev_distractor_v1.json",
    ),
]


@pytest.mark.parametrize(("given", "said"), MISTAKES)
def test_what_does_not_go_together_is_told(given: dict[str, Any], said: str) -> None:
    """In one sentence, by the config itself and by a benchmark's."""
    with pytest.raises(ValidationError) as caught:
        RulerConfig.model_validate(given)
    (error,) = caught.value.errors()
    assert error["msg"].removeprefix("Value error, ").startswith(said)
    bench = {"version": 1, "models": ["needle"], "attention": ["dense"], "lengths": [4096]}
    with pytest.raises(ConfigError) as told:
        load_bench({**bench, "tasks": [{"kind": "ruler", **given}]})
    assert said in str(told.value)


def test_the_package_offers_task_and_scorers() -> None:
    """Under their names, each scorer with a description."""
    registry = default_registry()
    assert registry.tasks.find("ruler").config is RulerConfig
    assert registry.tasks.record("ruler").distribution == "sah-tasks-ruler"
    for name in ("ruler_all", "ruler_part"):
        assert registry.scorers.load(name).__name__ == name
        assert registry.scorers.find(name).description
