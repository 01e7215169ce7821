"""Laws of the registry: plugins do not influence each other, and switches select among them."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from sah_core import MaskerConfig, Registry, hookimpl
from sah_core.plugins import RegisterMasker
from sah_core.plugins.switches import normalised


def _offering(*kinds: str, then: type[Exception] | None = None, version: int = 1) -> ModuleType:
    configs = [
        create_model(f"{kind}Config", __base__=MaskerConfig, kind=(Literal[kind], kind))  # type: ignore[arg-type]  # a Literal made at run time
        for kind in kinds
    ]

    @hookimpl
    def sah_register_maskers(register: RegisterMasker) -> None:
        for config in configs:
            register(config, "somewhere:Masker")
        if then is not None:
            raise then("broken on purpose")

    plugin = ModuleType("plugin")
    vars(plugin).update(SAH_API_VERSION=version, sah_register_maskers=sah_register_maskers)
    return plugin


GOOD = {"sah-one": ("a",), "sah-two": ("b", "c"), "sah-three": ("d",)}
plugins = SimpleNamespace(
    one=_offering("a"),
    two=_offering("b", "c"),
    three=_offering("d"),
    midway=_offering("e", "f", then=RuntimeError),
    future=_offering("g", version=2),
    empty=ModuleType("empty"),
)
POINTS = [
    EntryPoint(name=f"sah-{name}", value=f"{__name__}:plugins.{name}", group="sah")
    for name in ("one", "two", "three", "midway", "future", "empty", "absent")
]

points = st.lists(st.sampled_from(POINTS), unique_by=lambda point: point.name).map(tuple)


@pytest.fixture(autouse=True, scope="module")
def _importable() -> None:
    """The entry points above name this very module."""
    assert sys.modules[__name__].plugins is plugins


@given(points)
def test_the_good_ones_work_whatever_is_around_them(chosen: tuple[EntryPoint, ...]) -> None:
    """In any order and company, the kinds are those of the good plugins, and every other plugin is a failure."""
    registry = Registry(chosen, environ={})
    assert set(registry.kinds) == {kind for point in chosen for kind in GOOD.get(point.name, ())}
    assert {record.distribution: record.status for record in registry.records} == {
        point.name: "ok" if point.name in GOOD else "failed" for point in chosen
    }
    assert all((record.reason is None) == (record.status == "ok") for record in registry.records)


@given(points, st.sets(st.sampled_from([point.name for point in POINTS])))
def test_a_disabled_plugin_is_as_good_as_absent(chosen: tuple[EntryPoint, ...], disabled: set[str]) -> None:
    """What is offered with some plugins disabled is what is offered without them; a record says why."""
    registry = Registry(chosen, environ={"SAH_DISABLE_PLUGINS": ",".join(disabled)})
    assert registry.kinds == Registry([point for point in chosen if point.name not in disabled], environ={}).kinds
    for record in registry.records:
        if record.distribution in disabled:
            assert (record.status, record.reason) == ("disabled", "SAH_DISABLE_PLUGINS names it")


@given(points, st.sets(st.sampled_from([point.name for point in POINTS]), min_size=1))
def test_an_allow_list_disables_everything_else(chosen: tuple[EntryPoint, ...], allowed: set[str]) -> None:
    """Allowing some plugins is disabling all others."""
    others = {point.name for point in POINTS} - allowed
    by_allowing = Registry(chosen, environ={"SAH_PLUGINS": ",".join(allowed)})
    by_disabling = Registry(chosen, environ={"SAH_DISABLE_PLUGINS": ",".join(others)})
    assert by_allowing.kinds == by_disabling.kinds
    assert [record.status for record in by_allowing.records] == [record.status for record in by_disabling.records]


def test_disabling_wins_over_allowing() -> None:
    """A plugin that both variables name is disabled."""
    registry = Registry(POINTS, environ={"SAH_PLUGINS": "sah-one, sah-two", "SAH_DISABLE_PLUGINS": "sah-two"})
    assert registry.kinds == ("a",)


@pytest.mark.parametrize("value", ["", " ", ","])
def test_an_empty_switch_is_no_switch(value: str) -> None:
    """A variable that is set to nothing changes nothing."""
    assert Registry(POINTS, environ={"SAH_PLUGINS": value}).kinds == ("a", "b", "c", "d")


def test_disabling_spares_the_import() -> None:
    """A disabled plugin is not imported at all: one whose import would fail is merely disabled."""
    registry = Registry(POINTS, environ={"SAH_DISABLE_PLUGINS": "sah-absent"})
    assert {record.distribution: record.status for record in registry.records}["sah-absent"] == "disabled"


def test_a_switch_that_matches_nothing_is_noticed() -> None:
    """A misspelt name in a switch is a sentence, not a silent nothing."""
    registry = Registry(POINTS, environ={"SAH_PLUGINS": "sah-one,sah-wun", "SAH_DISABLE_PLUGINS": "sah-too"})
    assert registry.unmatched_switches == (
        "SAH_PLUGINS names 'sah-wun', and no installed plugin is called that",
        "SAH_DISABLE_PLUGINS names 'sah-too', and no installed plugin is called that",
    )


@given(st.text(alphabet="aB1-_.", min_size=1), st.sampled_from(["-", "_", ".", "--", "_-."]))
def test_names_are_compared_as_package_indexes_do(name: str, separator: str) -> None:
    """Case, and which of - _ . separates, make no difference (PEP 503)."""
    assert normalised(name) == normalised(name.upper()) == normalised(normalised(name))
    assert normalised(f"a{separator}b") == "a-b"
