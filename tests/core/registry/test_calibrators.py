"""What a plugin may offer as a calibrator, and what a registry answers about it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from sah_core import PluginError, Registry, UnknownMaskerError

WritePlugin = Callable[[str, str], EntryPoint]

LEARNING = """
    from pydantic import create_model
    from sah_core.calibration.settings import CalibrationSettings

    Config = create_model("LearnedConfig", __base__=make_config("learned"), weights=(str, "none"))

    class Settings(CalibrationSettings):
        seed: int = 0

    class Learner:
        def observe(self, inputs):
            pass

    @hookimpl
    def sah_register_maskers(register):
        register(Config, "{module}:Masker")
        register(make_config("plain"), "{module}:Masker")

    @hookimpl
    def sah_register_calibrators(register):
        register(CHANGED)
"""
RIGHT = 'Config, Settings, "{module}:Learner", field="weights"'


def learning(registration: str = RIGHT) -> str:
    return LEARNING.replace("CHANGED", registration)


def test_a_calibrator_is_found_by_the_kind_that_it_is_for(write_plugin: WritePlugin) -> None:
    """Settings, class and the config's field are those of the plugin; a kind without one is told what there is."""
    registry = Registry([write_plugin("p", learning())], environ={})
    assert registry.calibrated_kinds == ("learned",)
    offer = registry.calibrator("learned")
    assert (offer.name, offer.field, offer.settings().model_dump()) == ("learned", "weights", {"seed": 0})
    assert registry.calibrator_class("learned").__name__ == "Learner"
    with pytest.raises(PluginError, match="masker 'plain' learns nothing offline; what can be calibrated: learned"):
        registry.calibrator("plain")
    with pytest.raises(UnknownMaskerError):
        registry.calibrator("nothing")


@pytest.mark.parametrize(
    ("registration", "said"),
    [
        ('make_config("other"), Settings, "{module}:Learner", field="weights"', "a masker that the plugin itself"),
        ('Config, dict, "{module}:Learner", field="weights"', "should be a subclass of CalibrationSettings"),
        ('Config, Settings, "{module}.Learner", field="weights"', '"module:Class"'),
        ('Config, Settings, "{module}:Learner", field="wights"', "field should name the field of LearnedConfig"),
    ],
)
def test_a_malformed_offer_fails_its_plugin(write_plugin: WritePlugin, registration: str, said: str) -> None:
    """The plugin is left out whole, and its record says what is wrong."""
    registry = Registry([write_plugin("p", learning(registration))], environ={})
    (record,) = registry.records
    assert record.status == "failed"
    assert said in (record.reason or "")
    assert registry.kinds == registry.calibrated_kinds == ()


def test_a_calibrator_that_is_none_is_an_error_when_it_is_used(write_plugin: WritePlugin) -> None:
    """A class without observe, or a name that is not there, is the plugin's failure, told by its name."""
    for name, said in (("Masker", "should be a class with observe"), ("Missing", "there is no Missing")):
        source = learning(RIGHT.replace("Learner", name))
        registry = Registry([write_plugin(f"p-{name.lower()}", source)], environ={})
        with pytest.raises(PluginError, match=said):
            registry.calibrator_class("learned")
