"""Commands that plugins bring: a name has one owner, and a broken hook costs only its own plugin's commands."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest
import typer

from sah_core import Registry
from sah_core.cli.plugin_commands import missing_command, plugin_commands

WritePlugin = Callable[[str, str], EntryPoint]

COMMAND = """
@hookimpl
def sah_register_commands(app):
    @app.command()
    def {name}():
        print("{name}")
    {then}
"""


def adding(name: str, then: str = "") -> str:
    """A plugin's source that adds this command, and then does something else."""
    return COMMAND.format(name=name, then=then)


def outcome(registry: Registry) -> dict[str, tuple[tuple[str, ...], str | None]]:
    """The commands that each plugin adds, and its problem."""
    return {added.record.distribution: (added.names, added.problem) for added in plugin_commands(registry)}


def test_commands_and_groups_are_named_as_typer_names_them(write_plugin: WritePlugin) -> None:
    """An underscore becomes a dash, and a group of commands counts as one name."""
    group = "import typer; sub = typer.Typer(); sub.command('inner')(lambda: None); app.add_typer(sub, name='group')"
    source = adding("two_words", group)
    registry = Registry([write_plugin("p", source)], environ={})
    assert outcome(registry) == {"p": (("two-words", "group"), None)}


def test_a_name_of_the_core_is_taken(write_plugin: WritePlugin) -> None:
    """A plugin cannot replace one of the core's commands; all of its commands are left out."""
    registry = Registry([write_plugin("p", adding("doctor"))], environ={})
    assert outcome(registry) == {"p": ((), "its command 'doctor' is sah-core's already")}


def test_the_first_of_two_plugins_keeps_the_name(write_plugin: WritePlugin) -> None:
    """The second plugin with the same command is told whose it is."""
    points = [write_plugin("first", adding("paint")), write_plugin("second", adding("paint"))]
    assert outcome(Registry(points, environ={})) == {
        "first": (("paint",), None),
        "second": ((), "its command 'paint' is first's already"),
    }


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (adding("paint", "raise OSError('no terminal')"), "sah_register_commands raised OSError: no terminal"),
        (adding("paint", "raise SystemExit(3)"), "sah_register_commands raised SystemExit: 3"),
        (
            adding("paint", "app.command('odd')(odd)") + "\ndef odd(x: 'Nowhere'): pass\n",
            "sah_register_commands raised NameError: name 'Nowhere' is not defined",
        ),
    ],
    ids=["raises", "leaves", "a parameter that typer cannot read"],
)
def test_a_broken_hook_is_a_problem(write_plugin: WritePlugin, source: str, problem: str) -> None:
    """Whatever goes wrong while commands are added or built is that plugin's problem; the next one's work."""
    points = [write_plugin("bad", source), write_plugin("good", adding("draw"))]
    assert outcome(Registry(points, environ={})) == {"bad": ((), problem), "good": (("draw",), None)}


def test_half_added_commands_do_not_reach_the_app(write_plugin: WritePlugin) -> None:
    """Each hook gets an app of its own, so what a failing one added is nobody else's."""
    points = [write_plugin("bad", adding("paint", "1 / 0")), write_plugin("good", adding("draw"))]
    apps = [added.app for added in plugin_commands(Registry(points, environ={})) if added.problem is None]
    assert [list(typer.main.get_group(app).commands) for app in apps] == [["draw"]]


def test_a_missing_command_names_its_distribution(write_plugin: WritePlugin) -> None:
    """A command of ours that is not there is explained by the state of the distribution that brings it."""
    assert missing_command("frobnicate", Registry([], environ={})) is None
    assert missing_command("demo", Registry([], environ={})) == (
        "`sah demo` comes from sah-model-needle, which is not installed: pip install sah-model-needle"
    )
    broken = Registry([write_plugin("sah-hf", "raise RuntimeError('no luck')")], environ={})
    assert (missing_command("run", broken) or "").endswith("raised RuntimeError: no luck")
    working = Registry([write_plugin("sah-model-needle", adding("paint"))], environ={})
    assert missing_command("demo", working) is None
    disabled = Registry([write_plugin("Sah_Hf", adding("run"))], environ={"SAH_DISABLE_PLUGINS": "sah-hf"})
    assert missing_command("run", disabled) == (
        "`sah run` comes from Sah_Hf 3.1, which is disabled: SAH_DISABLE_PLUGINS names it"
    )
