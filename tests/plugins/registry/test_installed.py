"""This repository's plugins as they are installed: what they offer, how light they are, and the example."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sah_core import MaskerConfig, Registry, UnknownMaskerError, load_config
from sah_core.config import json_schema
from sah_core.plugins.offers import PUBLISHED_TASKS
from sah_core.plugins.unknown import PUBLISHED

DEFAULTS: dict[str, dict[str, Any]] = {
    "sink": {"size": 4},
    "local": {"window": 64},
    "causal": {},
    "oracle_top_k": {"budget": 0.05, "share_kv_group": False},
    "oracle_top_p": {"mass": 0.9, "mass_reference": "residual", "share_kv_group": False},
}

EXAMPLE = """\
# yaml-language-server: $schema=sah.schema.json
version: 1
attention:
  kind: research            # or efficient: the same maskers, at a cost that follows the density
  maskers:
    - {kind: sink, size: 4}
    - {kind: local, window: 64}
    - {kind: oracle_top_k, budget: 0.05}
  dense_layers: [0]          # these layers keep the model's own attention
  seed: 0
model: {name: needle, dtype: float32, device: auto}     # or just  model: needle
protocol: {sparse_from: question}     # or generation: whole prompt dense, only generated tokens sparse
generation: {max_new_tokens: 32}      # what transformers' GenerationConfig takes
"""


@pytest.fixture(scope="module")
def registry() -> Registry:
    """What is installed, whatever the environment's switches say."""
    return Registry(environ={})


@pytest.mark.parametrize("kind", DEFAULTS)
def test_fields_and_defaults(registry: Registry, kind: str) -> None:
    """Field names and defaults are those that the design fixes, in its order."""
    config = registry.masker_config(kind).model_validate({})
    dumped = config.model_dump()
    assert list(dumped.items()) == [("kind", kind), *DEFAULTS[kind].items()]
    assert {name: type(value) for name, value in dumped.items() if name in DEFAULTS[kind]} == {
        name: type(value) for name, value in DEFAULTS[kind].items()
    }


@pytest.mark.parametrize("kind", DEFAULTS)
def test_the_masker_is_made_from_its_config(registry: Registry, kind: str) -> None:
    """The class is where the plugin says, takes the config and keeps it."""
    config = registry.masker_config(kind).model_validate({})
    assert registry.masker_class(kind)(config).config is config


@pytest.mark.parametrize("kind", DEFAULTS)
def test_every_field_is_explained(registry: Registry, kind: str) -> None:
    """A config has a one-line summary, and each of its fields a description, for `sah maskers` and the schema."""
    config = registry.masker_config(kind)
    assert config.__doc__
    assert config.__doc__ != MaskerConfig.__doc__
    assert [name for name, field in config.model_fields.items() if name != "kind" and not field.description] == []


def test_every_installed_plugin_of_ours_works(registry: Registry) -> None:
    """No plugin of this repository fails, and maskers and tasks come from the distributions that the errors name."""
    ours = [record for record in registry.records if record.distribution.startswith("sah-")]
    assert [(record.distribution, record.reason) for record in ours if record.status != "ok"] == []
    for kind in DEFAULTS:
        assert registry.masker_record(kind).distribution == PUBLISHED[kind]
    for task, distribution in PUBLISHED_TASKS.items():
        assert registry.tasks.record(task).distribution == distribution


def test_oracles_say_that_they_need_logits(registry: Registry) -> None:
    """What a kind is stands on its config: only the oracles read exact logits, and none samples or refines."""
    assert {kind for kind in DEFAULTS if registry.masker_config(kind).needs_logits} == {"oracle_top_k", "oracle_top_p"}
    assert not any(registry.masker_config(kind).sampling or registry.masker_config(kind).refines for kind in DEFAULTS)


@pytest.mark.parametrize("module", sorted({point.module for point in entry_points(group="sah")}))
def test_a_plugin_is_light(module: str) -> None:
    """Importing a plugin's module imports neither torch nor transformers."""
    code = f"import sys, {module}; print([name for name in ('torch', 'transformers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["maskers"], ["maskers", "sink"], ["schema"], ["maskers", "snik"]])
def test_commands_stay_light_with_every_plugin(arguments: list[str]) -> None:
    """Help, listing and schema import neither torch nor transformers, whatever the installed plugins add to them."""
    show = "print([name for name in ('torch', 'transformers') if name in sys.modules], file=sys.stderr)"
    code = f"import sys; from sah_core.cli import main; main({arguments!r}); {show}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAH_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_example_is_valid_everywhere(registry: Registry, tmp_path: Path) -> None:
    """The design's example loads, its dump is valid under the exported schema, and loads to the same config."""
    path = tmp_path / "run.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    config = load_config(path, registry)
    assert config.attention is not None
    assert [masker.kind for masker in config.attention.maskers] == ["sink", "local", "oracle_top_k"]
    validator = Draft202012Validator(json_schema(registry))
    assert [error.message for error in validator.iter_errors(config.model_dump(mode="json"))] == []
    assert load_config(config.model_dump(mode="json"), registry) == config


def test_a_disabled_plugin_is_named(registry: Registry) -> None:
    """A masker of a disabled plugin is answered with what disables it."""
    disabled = Registry(environ={"SAH_DISABLE_PLUGINS": "sah_masker_window"})
    with pytest.raises(
        UnknownMaskerError, match=r"comes from sah-masker-window \S+, which is disabled: SAH_DISABLE_PLUGINS names it$"
    ):
        disabled.masker_config("sink")
    assert set(disabled.kinds) == set(registry.kinds) - {"sink", "local", "causal"}
