"""What a config may say, and what it means."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from sah_core import (
    AttentionConfig,
    ConfigError,
    MaskerConfig,
    ModelConfig,
    ProtocolConfig,
    Registry,
    RunConfig,
    load_config,
)
from sah_core.config import parse_attention, parse_masker
from sah_core.config.options import Options

EXAMPLE = """\
# yaml-language-server: $schema=sah.schema.json
version: 1
attention:
  kind: research            # a comment
  maskers:
    - {kind: window, window: 8}
    - kind: budget
      budget: 0.05
      levels: [1, 2]
  dense_layers: [0]
  seed: 3
model: {name: needle, dtype: float32, device: cpu}
protocol: {sparse_from: generation}
generation: {max_new_tokens: 32, eos_token_id: [1, 2]}
"""


@pytest.fixture
def config(registry: Registry, tmp_path: Path) -> RunConfig:
    """The example, read from a file."""
    path = tmp_path / "run.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return load_config(path, registry)


def maskers(config: RunConfig) -> tuple[MaskerConfig, ...]:
    """The maskers of a config that has some."""
    assert config.attention is not None
    return config.attention.maskers


def test_the_example_is_read_as_it_is_written(config: RunConfig, registry: Registry) -> None:
    """Every section becomes its model; each masker is of the class that the registry has for its kind."""
    window, budget = registry.masker_config("window"), registry.masker_config("budget")
    assert config == RunConfig(
        version=1,
        attention=AttentionConfig(
            maskers=(
                window.model_validate({"window": 8}),
                budget.model_validate({"budget": 0.05, "levels": (1, 2)}),
            ),
            dense_layers=(0,),
            seed=3,
        ),
        model=ModelConfig(name="needle", dtype="float32", device="cpu"),
        protocol=ProtocolConfig(sparse_from="generation"),
        generation=Options({"max_new_tokens": 32, "eos_token_id": [1, 2]}),
    )


def test_defaults(registry: Registry) -> None:
    """All but the version may be left out: then the model is not chosen and attention is dense."""
    config = load_config({"version": 1}, registry)
    assert (config.attention, config.model, config.protocol.sparse_from) == (None, None, "question")
    assert dict(config.generation) == {}
    attention = parse_attention({"maskers": [{"kind": "window"}]}, registry)
    assert (attention.kind, attention.dense_layers, attention.seed) == ("research", (), 0)


def test_a_model_may_be_its_name_alone(registry: Registry) -> None:
    """``model: needle`` is short for ``model: {name: needle}``."""
    alone = load_config({"version": 1, "model": "needle"}, registry)
    assert alone == load_config({"version": 1, "model": {"name": "needle"}}, registry)
    assert alone.model is not None
    assert alone.model.trust_remote_code is False


def test_an_editor_s_schema_key_is_no_field(registry: Registry) -> None:
    """``$schema``, by which editors find a JSON file's schema, says nothing about the run."""
    assert load_config({"version": 1, "$schema": "sah.schema.json"}, registry) == load_config({"version": 1}, registry)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])
def test_a_config_is_a_value(config: RunConfig, again: Callable[[RunConfig], RunConfig]) -> None:
    """A copy, deep copy or unpickled config is equal, hashes alike and keeps its maskers' classes."""
    copied = again(config)
    assert copied == config
    assert hash(copied) == hash(config)
    assert [type(masker) for masker in maskers(copied)] == [type(masker) for masker in maskers(config)]


def test_a_config_cannot_be_changed(config: RunConfig) -> None:
    """Neither a field, nor a masker's field, nor what the generation section holds."""
    with pytest.raises(ValueError, match="frozen"):
        config.attention = None  # type: ignore[misc]  # what must not work
    with pytest.raises(ValueError, match="frozen"):
        maskers(config)[0].kind = "other"  # type: ignore[misc]  # what must not work
    config.generation["eos_token_id"].append(3)
    assert config.generation["eos_token_id"] == [1, 2]
    with pytest.raises(TypeError):
        config.generation["max_new_tokens"] = 1  # type: ignore[index]  # what must not work


def test_generation_is_handed_on_as_plain_values(config: RunConfig) -> None:
    """Other libraries get the lists and dicts that they check for."""
    assert dict(config.generation) == {"max_new_tokens": 32, "eos_token_id": [1, 2]}
    assert type(dict(config.generation)["eos_token_id"]) is list


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"attention": {"maskers": [{"kind": "budget", "budget": 1}]}},
         {"attention": {"maskers": [{"kind": "budget", "budget": 1.0}]}}),
        ({"generation": {"top_k": 1}}, {"generation": {"top_k": True}}),
        ({"generation": {"top_k": 1}}, {"generation": {"top_k": 1.0}}),
    ],
    ids=["one key, all keys", "1, true", "1, 1.0"],
)  # fmt: skip
def test_what_means_different_things_is_not_equal(
    registry: Registry, one: dict[str, object], other: dict[str, object]
) -> None:
    """To Python 1 == 1.0 == True; a config that keeps one key is not the one that keeps all."""
    first, second = (load_config({"version": 1, **section}, registry) for section in (one, other))
    assert first != second
    assert first == load_config({"version": 1, **one}, registry)


def test_dumping_keeps_every_field_of_every_masker(config: RunConfig, registry: Registry) -> None:
    """A dump holds what the masker's own class has, as data and as JSON text, and reads back equal."""
    maskers = config.model_dump(mode="json")["attention"]["maskers"]
    assert maskers[0] == {"kind": "window", "window": 8}
    assert maskers[1]["levels"] == [1, 2]
    assert load_config(config.model_dump(mode="json"), registry) == config
    assert load_config(config.model_dump(), registry) == config
    assert RunConfig.model_validate_json(config.model_dump_json(), context={"registry": registry}) == config


def test_masker_configs_may_stand_among_mappings(registry: Registry) -> None:
    """In Python a masker's config may be given as an object, whether or not its class is registered."""
    window = registry.masker_config("window").model_validate({"window": 5})
    attention = parse_attention({"maskers": [window, {"kind": "window", "window": 5}]}, registry)
    assert attention.maskers == (window, window)


def test_a_masker_alone(registry: Registry) -> None:
    """One entry of the list can be read by itself; the default registry serves where none is given."""
    assert parse_masker({"kind": "window", "window": 2}, registry).model_dump() == {"kind": "window", "window": 2}
    with pytest.raises(ConfigError, match="unknown masker 'window'"):
        parse_masker({"kind": "window", "window": 2})


def test_a_file_name_may_have_no_ending(registry: Registry, tmp_path: Path) -> None:
    """A file without an ending (a pipe, say) is YAML."""
    path = tmp_path / "run"
    path.write_text("version: 1\n", encoding="utf-8")
    assert load_config(str(path), registry) == RunConfig(version=1)


def test_anchors_repeat_what_they_name(registry: Registry, tmp_path: Path) -> None:
    """YAML's anchors and aliases work."""
    path = tmp_path / "run.yaml"
    path.write_text("version: 1\nattention: {maskers: [&w {kind: window}, *w]}\n", encoding="utf-8")
    first, second = maskers(load_config(path, registry))
    assert first == second == registry.masker_config("window").model_validate({})
