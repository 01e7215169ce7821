"""Every way in which a plugin can be wrong is a record with its reason, and nothing of that plugin is offered."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from sah_core import Registry

WritePlugin = Callable[[str, str], EntryPoint]

HOOK = """
@hookimpl
def sah_register_maskers(register):
    {body}
"""

WRONG = {
    "import raises": ("raise RuntimeError('no\\n  library')", r"importing \S+ raised RuntimeError: no library"),
    "import leaves": ("raise SystemExit(3)", r"importing \S+ raised SystemExit: 3"),
    "syntax error": ("def", r"importing \S+ raised SyntaxError: .*"),
    "no version": ("del SAH_API_VERSION", r"it declares no SAH_API_VERSION; .* expects SAH_API_VERSION = 1"),
    "other version": (
        "SAH_API_VERSION = 2",
        r"it was made for plugin API version 2, and this sah-core has version 1: .*",
    ),
    "version is text": ("SAH_API_VERSION = '1'", r"it was made for plugin API version '1', .*"),
    "version is true": ("SAH_API_VERSION = True", r"it was made for plugin API version True, .*"),
    "no hook": ("x = 1", r"it has no hook: mark a function such as sah_register_maskers in \S+ with @hookimpl"),
    "unmarked hook": (
        "def sah_register_maskers(register): pass",
        r"malformed hook: sah_register_maskers is not marked with @hookimpl, so it would never be called",
    ),
    "wrong argument": (
        "@hookimpl\ndef sah_register_maskers(registry): pass",
        r"malformed hook: sah_register_maskers\(registry\) .*'registry'.*",
    ),
    "unknown hook": (
        "@hookimpl\ndef sah_register_masker(register): pass",
        r"malformed hook: unknown hook 'sah_register_masker' .* \(hooks: .*sah_register_maskers.*\)",
    ),
    "hook raises": (HOOK.format(body="1 / 0"), r"sah_register_maskers raised ZeroDivisionError: division by zero"),
    "hook leaves": (HOOK.format(body="raise SystemExit"), r"sah_register_maskers raised SystemExit"),
    "hook yields": (
        HOOK.format(body="yield register(make_config('a'), '{module}:Masker')"),
        r"malformed hook: sah_register_maskers should register and return nothing, not <generator .*",
    ),
    "instance for a class": (
        HOOK.format(body="register(make_config('a')(), '{module}:Masker')"),
        r"sah_register_maskers: register expects a subclass of MaskerConfig, not .*",
    ),
    "other class": (
        HOOK.format(body="register(int, '{module}:Masker')"),
        r"sah_register_maskers: register expects a subclass of MaskerConfig, not <class 'int'>",
    ),
    "config without kind": (
        HOOK.format(body="register(MaskerConfig, '{module}:Masker')"),
        r'sah_register_maskers: MaskerConfig needs a field of the form  kind: Literal\["name"\] = "name"',
    ),
    "odd kind": (
        HOOK.format(body="register(make_config('My Kind'), '{module}:Masker')"),
        r"sah_register_maskers: a masker's kind is lower-case letters, digits, - and _, not 'My Kind'",
    ),
    "class for a reference": (
        HOOK.format(body="register(make_config('a'), Masker)"),
        r"""sah_register_maskers: the masker of 'a' should be given as "module:Class", not <class .*""",
    ),
    "reference without colon": (
        HOOK.format(body="register(make_config('a'), '{module}.Masker')"),
        r"""sah_register_maskers: the masker of 'a' should be given as "module:Class", not 'written_\S+\.Masker'""",
    ),
    "one argument": (
        HOOK.format(body="register(make_config('a'))"),
        r"sah_register_maskers raised TypeError: .*'masker'",
    ),
    "same kind twice": (
        HOOK.format(body="[register(make_config('a'), '{module}:Masker') for _ in range(2)]"),
        r"sah_register_maskers: it registers the masker 'a' twice",
    ),
    "model without colon": (
        "@hookimpl\ndef sah_register_models(register): register('tiny', '{module}')",
        r"""sah_register_models: the model 'tiny' should be given as "module:function", not 'written_plugin_\d+'""",
    ),
    "odd model name": (
        "@hookimpl\ndef sah_register_models(register): register('org/tiny', '{module}:folder')",
        r"sah_register_models: a model's name is lower-case letters, digits, - and _, not 'org/tiny'",
    ),
    "same model twice": (
        "@hookimpl\ndef sah_register_models(register): [register('tiny', '{module}:folder') for _ in range(2)]",
        r"sah_register_models: it registers the model 'tiny' twice",
    ),
}


@pytest.mark.parametrize(("source", "reason"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_plugin_is_left_out_with_its_reason(write_plugin: WritePlugin, source: str, reason: str) -> None:
    """A wrong plugin is a failed record with a one-line reason; the good one beside it is loaded."""
    good = write_plugin("good", HOOK.format(body="register(make_config('thing'), '{module}:Masker')"))
    bad = write_plugin("bad", source)
    registry = Registry([bad, good], environ={})
    record = next(record for record in registry.records if record.distribution == "bad")
    assert record.status == "failed"
    assert record.cause is not None
    assert record.reason is not None
    assert re.fullmatch(reason, record.reason), record.reason
    assert registry.kinds == ("thing",)
    assert registry.model_names == ()


def test_registrations_before_a_failure_are_taken_back(write_plugin: WritePlugin) -> None:
    """A plugin that registers a masker and fails in its next hook offers nothing; its record names the kind."""
    source = HOOK.format(body="register(make_config('half'), '{module}:Masker')")
    source += "\n@hookimpl\ndef sah_register_models(register): 1 / 0\n"
    registry = Registry([write_plugin("p", source)], environ={})
    (record,) = registry.records
    assert (record.status, record.kinds) == ("failed", ("half",))
    assert registry.kinds == ()
    assert registry.command_hooks() == ()


def test_ctrl_c_while_plugins_load_is_not_swallowed(write_plugin: WritePlugin) -> None:
    """KeyboardInterrupt is the user's, not the plugin's failure."""
    point = write_plugin("p", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Registry([point], environ={})


def test_an_entry_point_to_nothing_is_a_failure() -> None:
    """An entry point whose module is gone fails as any import does; without metadata its own name stands in."""
    registry = Registry([EntryPoint(name="ghost", value="no_such_module_anywhere", group="sah")], environ={})
    (record,) = registry.records
    assert (record.distribution, record.version, record.status) == ("ghost", "unknown", "failed")
    assert record.reason is not None
    assert record.reason.startswith("importing no_such_module_anywhere raised ModuleNotFoundError: ")
