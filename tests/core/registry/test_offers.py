"""Tasks, scorers and metrics that a package brings through hooks: found by name, or told why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sah_core import ConfigError, PluginError, Registry
from sah_core.cli.diagnosis import diagnose

WritePlugin = Callable[[str, str], EntryPoint]

SORTS = ("task", "scorer", "metric")

BRINGING = """
    from pydantic import BaseModel

    def make_task(kind):
        return create_model("TaskConfig", __base__=BaseModel, kind=(Literal[kind], kind))

    Config = make_task("riddles")

    class Riddles:
        def __init__(self, config):
            self.config = config

    def half(prediction, row):
        return 0.5

    class Warmth:
        name = "warmth"

    @hookimpl
    def sah_register_tasks(register):
        register(Config, "{module}:Riddles")

    @hookimpl
    def sah_register_scorers(register):
        register("half", "{module}:half", description="always one half")

    @hookimpl
    def sah_register_metrics(register):
        register("warmth", "{module}:Warmth")
"""

NAMES = {"task": "riddles", "scorer": "half", "metric": "warmth"}


def registering(sort: str, body: str) -> str:
    """A plugin whose maskers are fine and whose hook of this sort does this."""
    return f"""
    @hookimpl
    def sah_register_maskers(register):
        register(make_config("fine"), "{{module}}:Masker")

    class Thing:
        pass

    @hookimpl
    def sah_register_{sort}s(register):
        {body}
"""


def test_a_package_brings_its_own(write_plugin: WritePlugin) -> None:
    """Task, scorer and metric are those of the plugin, and its record names them."""
    registry = Registry([write_plugin("p", BRINGING)], environ={})
    (record,) = registry.records
    assert (record.status, record.reason, record.kinds) == ("ok", None, ())
    assert (record.tasks, record.scorers, record.metrics) == (("riddles",), ("half",), ("warmth",))
    for sort, name in NAMES.items():
        offers = getattr(registry, f"{sort}s")
        assert offers.names == (name,)
        assert offers.record(name) == record
    assert registry.tasks.load("riddles")(config := registry.tasks.find("riddles").config()).config is config
    assert registry.scorers.load("half")("anything", None) == 0.5
    assert registry.scorers.find("half").description == "always one half"
    assert registry.metrics.load("warmth")().name == "warmth"


def test_finding_imports_nothing(write_plugin: WritePlugin) -> None:
    """What an offer points to is imported when it is loaded; until then a wrong name there costs nothing."""
    source = registering("scorer", "register('far', 'no_such_module_anywhere:far')")
    registry = Registry([write_plugin("p", source)], environ={})
    assert registry.scorers.find("far").source == "no_such_module_anywhere:far"
    with pytest.raises(PluginError, match=r"scorer 'far' of p: importing no_such_module_anywhere raised ModuleNotFo"):
        registry.scorers.load("far")


def test_what_is_not_there_is_told_when_it_is_loaded(write_plugin: WritePlugin) -> None:
    """The sentence names the sort, the plugin and the missing name."""
    source = BRINGING.replace("{module}:", "{module}:No")
    registry = Registry([write_plugin("p", source)], environ={})
    for sort, name in NAMES.items():
        with pytest.raises(PluginError, match=rf"{sort} '{name}' of p: there is no No\w+ in written_plugin_"):
            getattr(registry, f"{sort}s").load(name)


@pytest.mark.parametrize("sort", SORTS)
def test_an_unknown_name_is_answered_with_the_nearest(write_plugin: WritePlugin, sort: str) -> None:
    """A misspelt name gets the one that was meant and all that are installed; with no plugin there are none."""
    offers = getattr(Registry([write_plugin("p", BRINGING)], environ={}), f"{sort}s")
    name = NAMES[sort]
    misspelt = name + name[-1]
    for use in (offers.find, offers.load, offers.record):
        with pytest.raises(ConfigError) as caught:
            use(misspelt)
        assert str(caught.value) == f"unknown {sort} '{misspelt}' (did you mean '{name}'?); installed: {name}"
    with pytest.raises(ConfigError) as caught:
        getattr(Registry([], environ={}), f"{sort}s").find("xyz")
    assert str(caught.value) == f"unknown {sort} 'xyz'; installed: none"


def test_a_task_of_this_project_that_is_not_installed() -> None:
    """The sentence says how it is."""
    with pytest.raises(ConfigError, match=r"^task 'ruler' is not installed: pip install sah-tasks-ruler$"):
        Registry([], environ={}).tasks.find("ruler")


def test_what_two_packages_offer_neither_may(write_plugin: WritePlugin) -> None:
    """Making the registry succeeds; using a name that two plugins offer names both, and is no silent winner."""
    registry = Registry([write_plugin("first", BRINGING), write_plugin("second", BRINGING)], environ={})
    assert [record.status for record in registry.records] == ["ok", "ok"]
    for sort, name in NAMES.items():
        offers = getattr(registry, f"{sort}s")
        assert offers.names == ()
        for use in (offers.find, offers.load, offers.record):
            with pytest.raises(PluginError, match=rf"{sort} '{name}' is offered by first 3\.1 and second 3\.1: unin"):
                use(name)


def test_a_disabled_package_offers_nothing(write_plugin: WritePlugin) -> None:
    """With one of two disabled, the other's offers are there."""
    points = [write_plugin("first", BRINGING), write_plugin("second", BRINGING)]
    registry = Registry(points, environ={"SAH_DISABLE_PLUGINS": "first"})
    assert [registry.tasks.record(name).distribution for name in registry.tasks.names] == ["second"]


TASK = "make_config('a')"
"""Any pydantic class with a kind may be a task's config."""

WRONG = [
    ("task", "register(dict, '{module}:Thing')", "register expects a task's config class, not <class 'dict'>"),
    ("task", f"register({TASK}(), '{{module}}:Thing')", "register expects a task's config class, not "),
    (
        "task",
        "register(create_model('Kindless', n=(int, 1)), '{module}:Thing')",
        "register expects a task's config class, not ",
    ),
    (
        "task",
        "register(create_model('Loose', kind=(str, 'a')), '{module}:Thing')",
        'Loose needs a field of the form  kind: Literal["name"] = "name"',
    ),
    (
        "task",
        "register(make_config('My Task'), '{module}:Thing')",
        "a task's kind is lower-case letters, digits, - and _, not 'My Task'",
    ),
    ("task", f"register({TASK}, Thing)", "the task 'a' should be given as \"module:Class\", not <class "),
    ("task", f"register({TASK}, '{{module}}.Thing')", "the task 'a' should be given as \"module:Class\", not '"),
    ("task", f"[register({TASK}, '{{module}}:Thing') for _ in range(2)]", "it registers the task 'a' twice"),
    *(
        case
        for sort in ("scorer", "metric")
        for case in (
            (
                sort,
                "register('A b', '{module}:Thing')",
                f"a {sort}'s name is lower-case letters, digits, - and _, not 'A b'",
            ),
            (
                sort,
                "register(Thing, '{module}:Thing')",
                f"a {sort}'s name is lower-case letters, digits, - and _, not <class ",
            ),
            (sort, "register('a', Thing)", f"the {sort} 'a' should be given as \"module:"),
            (sort, "register('a', 'Thing')", f"the {sort} 'a' should be given as \"module:"),
            (sort, "[register('a', '{module}:Thing') for _ in range(2)]", f"it registers the {sort} 'a' twice"),
        )
    ),
]


@pytest.mark.parametrize(("sort", "body", "said"), WRONG)
def test_a_wrong_registration_fails_its_plugin(write_plugin: WritePlugin, sort: str, body: str, said: str) -> None:
    """The record says which hook and what was wrong, and nothing of the plugin is offered, its maskers neither."""
    registry = Registry([write_plugin("bad", registering(sort, body)), write_plugin("good", BRINGING)], environ={})
    bad, good = registry.records
    assert (bad.status, good.status) == ("failed", "ok")
    assert (bad.reason or "").startswith(f"sah_register_{sort}s: {said}")
    assert registry.kinds == ()
    assert (registry.tasks.names, registry.scorers.names, registry.metrics.names) == (
        ("riddles",),
        ("half",),
        ("warmth",),
    )


@pytest.mark.parametrize("sort", SORTS)
def test_a_hook_that_raises_midway_leaves_nothing(write_plugin: WritePlugin, sort: str) -> None:
    """What it had registered before is in the record, so that one knows what is missing, and not on offer."""
    first = f"register({TASK if sort == 'task' else repr('a')}, '{{module}}:Thing')"
    source = registering(sort, f"{first}; raise OSError('no disk')")
    registry = Registry([write_plugin("p", source)], environ={})
    (record,) = registry.records
    assert record.reason == f"sah_register_{sort}s raised OSError: no disk"
    assert getattr(record, f"{sort}s") == ("a",)
    assert getattr(registry, f"{sort}s").names == registry.kinds == ()


def test_doctor_shows_what_a_package_brings(write_plugin: WritePlugin, tmp_path: Path) -> None:
    """`sah doctor` lists tasks, scorers and metrics with the plugin that brings them, as JSON and as a table."""
    write_plugin("bringer", BRINGING)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "SAH_PLUGINS": "bringer", "COLUMNS": "200"}
    doctor = [sys.executable, "-m", "sah_core.cli", "doctor"]

    def output(*arguments: str) -> str:
        return subprocess.run(
            [*doctor, *arguments], env=environ, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    (found,) = (one for one in json.loads(output("--json"))["plugins"] if one["distribution"] == "bringer")
    assert [found[key] for key in ("status", "tasks", "scorers", "metrics")] == [
        "ok",
        ["riddles"],
        ["half"],
        ["warmth"],
    ]
    (line,) = (line for line in output().splitlines() if line.startswith("bringer "))
    assert line.rstrip().endswith("tasks riddles; scorers half; metrics warmth")


def test_doctor_tells_what_cannot_be_used(write_plugin: WritePlugin) -> None:
    """A class that is not where its plugin says is a problem of that plugin's; one that is there is none."""
    source = registering("scorer", "register('lost', '{module}:nowhere'); register('there', '{module}:Thing')")
    (problem,) = diagnose(Registry([write_plugin("bad", source)], environ={})).problems
    assert (problem.distribution, problem.what.startswith("scorer 'lost' of bad: there is no nowhere")) == ("bad", True)
