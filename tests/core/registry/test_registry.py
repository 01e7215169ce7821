"""What a registry offers, and what it answers where it has nothing to offer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sah_core import PluginError, Registry, UnknownMaskerError, default_registry

WritePlugin = Callable[[str, str], EntryPoint]

OFFER = """
    @hookimpl
    def sah_register_maskers(register):
        register(make_config("{kind}"), "{module}:Masker")
"""


def offering(kind: str) -> str:
    return OFFER.replace("{kind}", kind)


def test_a_good_plugin_is_offered_whole(write_plugin: WritePlugin) -> None:
    """The record says what was loaded from where; the config and the class are those of the plugin."""
    registry = Registry([write_plugin("Some-Plugin", offering("thing"))], environ={})
    (record,) = registry.records
    assert (record.distribution, record.version, record.entry_point) == ("Some-Plugin", "3.1", "plugin")
    assert (record.status, record.reason, record.kinds, record.models) == ("ok", None, ("thing",), ())
    assert registry.kinds == ("thing",)
    assert registry.masker_record("thing") == record
    config = registry.masker_config("thing").model_validate({})
    assert config.kind == "thing"
    assert registry.masker_class("thing")(config).config is config


def test_kinds_are_sorted(write_plugin: WritePlugin) -> None:
    """The order of installation does not show."""
    points = [write_plugin(f"p-{kind}", offering(kind)) for kind in ("zebra", "ant", "mole")]
    assert Registry(points, environ={}).kinds == ("ant", "mole", "zebra")


def test_an_empty_registry_says_that_nothing_is_installed() -> None:
    """With no plugin at all, the error says so."""
    with pytest.raises(UnknownMaskerError) as caught:
        Registry([], environ={}).masker_config("xyz")
    assert str(caught.value) == "unknown masker 'xyz'; installed: none"


def test_an_unknown_kind_names_the_nearest_and_all(write_plugin: WritePlugin) -> None:
    """A misspelt kind is answered with the one that was meant and all that are installed."""
    registry = Registry([write_plugin("p", offering("thing")), write_plugin("q", offering("other"))], environ={})
    with pytest.raises(UnknownMaskerError) as caught:
        registry.masker_config("thingg")
    assert str(caught.value) == "unknown masker 'thingg' (did you mean 'thing'?); installed: other, thing"


def test_a_published_kind_that_is_not_installed_names_its_package() -> None:
    """For a masker of this project the error is the line that installs it."""
    with pytest.raises(UnknownMaskerError) as caught:
        Registry([], environ={}).masker_config("vattention")
    assert str(caught.value) == "masker 'vattention' is not installed: pip install sah-masker-sampling"


def test_a_misspelt_published_kind_names_its_package_too() -> None:
    """The nearest name may be one that is not installed yet."""
    with pytest.raises(UnknownMaskerError) as caught:
        Registry([], environ={}).masker_config("vatention")
    assert str(caught.value) == (
        "unknown masker 'vatention' (did you mean 'vattention'?: pip install sah-masker-sampling); installed: none"
    )


@pytest.mark.parametrize(
    ("distribution", "kind"),
    [("sah-masker-quest", "quest"), ("sah_masker.my_idea", "my_idea")],
    ids=["published", "by the name that a masker's package has by custom"],
)
def test_a_kind_whose_plugin_died_at_import_shows_that_failure(
    write_plugin: WritePlugin, distribution: str, kind: str
) -> None:
    """A plugin that could not be imported never said its kinds; its name gives them away."""
    registry = Registry([write_plugin(distribution, "import no_such_module_anywhere")], environ={})
    with pytest.raises(UnknownMaskerError) as caught:
        registry.masker_config(kind)
    assert str(caught.value).startswith(f"masker '{kind}' comes from {distribution} 3.1, which failed to load: ")
    assert "No module named 'no_such_module_anywhere'" in str(caught.value)


def test_a_published_kind_that_its_installed_package_lacks(write_plugin: WritePlugin) -> None:
    """An older release without this masker is told to be upgraded."""
    registry = Registry([write_plugin("sah-masker-oracle", offering("oracle_top_k"))], environ={})
    with pytest.raises(UnknownMaskerError) as caught:
        registry.masker_config("oracle_top_p")
    assert str(caught.value) == (
        "the installed sah-masker-oracle 3.1 has no masker 'oracle_top_p': pip install --upgrade sah-masker-oracle"
    )


def test_an_unknown_kind_among_failed_plugins_names_them(write_plugin: WritePlugin) -> None:
    """Where a plugin failed, what is missing may have been its: it is named."""
    registry = Registry([write_plugin("broken-one", "1 / 0"), write_plugin("p", offering("thing"))], environ={})
    with pytest.raises(UnknownMaskerError, match=r"installed: thing; failed to load: broken-one \(see `sah doctor`\)$"):
        registry.masker_config("xyz")


def test_a_kind_offered_twice_is_an_error_when_used(write_plugin: WritePlugin) -> None:
    """Making the registry succeeds, other kinds work, and using the one offered twice names both plugins."""
    points = [
        write_plugin("first", offering("twin")),
        write_plugin("second", offering("twin")),
        write_plugin("third", offering("single")),
    ]
    registry = Registry(points, environ={})
    assert registry.kinds == ("single",)
    assert {kind: [record.distribution for record in who] for kind, who in registry.conflicts.items()} == {
        "twin": ["first", "second"]
    }
    for use in (registry.masker_config, registry.masker_class, registry.masker_record):
        with pytest.raises(PluginError, match=r"masker 'twin' is offered by first 3\.1 and second 3\.1: uninstall one"):
            use("twin")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("{module}:Absent", "there is no Absent in written_plugin_"),
        ("no_such_module_anywhere:Masker", "importing no_such_module_anywhere raised ModuleNotFoundError: "),
        ("{module}:make_config", ":make_config should be a class with add_mask, not <function make_config"),
        ("{module}:Literal", ":Literal should be a class with add_mask, not typing.Literal"),
    ],
)
def test_a_class_that_is_not_there_is_told_when_it_is_used(
    write_plugin: WritePlugin, reference: str, said: str
) -> None:
    """The config can be read all the same; asking for the class names the plugin and what is wrong."""
    point = write_plugin("p", offering("thing").replace("{module}:Masker", reference))
    registry = Registry([point], environ={})
    assert registry.masker_config("thing").model_validate({}).kind == "thing"
    with pytest.raises(PluginError) as caught:
        registry.masker_class("thing")
    assert str(caught.value).startswith("masker 'thing' of p: ")
    assert said in str(caught.value)


MODEL = """
    def folder():
        {body}

    @hookimpl
    def sah_register_models(register):
        register("tiny", "{module}:folder", description="a tiny model")
"""


def test_a_model_is_found_by_name(write_plugin: WritePlugin, tmp_path: Path) -> None:
    """A registered model is a directory; a name that nobody registered is None, so that a hub may be asked."""
    registry = Registry([write_plugin("p", MODEL.replace("{body}", f"return {str(tmp_path)!r}"))], environ={})
    assert registry.model_names == ("tiny",)
    assert registry.model_source("tiny") == str(tmp_path)
    assert registry.model_description("tiny") == "a tiny model"
    assert registry.model_source("huge") is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise OSError('no disk')", r"model 'tiny' of p: written_plugin_\d+:folder raised OSError: no disk"),
        ("return 'not/there'", r"model 'tiny' of p: .*:folder names a directory that is not there: not.there"),
        ("return None", r"model 'tiny' of p: .*:folder raised TypeError: "),
    ],
)
def test_a_model_that_is_not_there_is_its_plugins_failure(write_plugin: WritePlugin, body: str, said: str) -> None:
    """Whatever keeps a plugin from saying where its model is, the error names the plugin."""
    registry = Registry([write_plugin("p", MODEL.replace("{body}", body))], environ={})
    with pytest.raises(PluginError, match=said):
        registry.model_source("tiny")


def test_the_default_registry_is_one_object() -> None:
    """The default registry is read once; a new object reads anew."""
    assert default_registry() is default_registry()
    assert Registry() is not default_registry()
    assert Registry().records == default_registry().records
