"""Layers with maskers of their own: how they are written, held and refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_core import AttentionConfig, ConfigError, Registry
from sah_core.config import parse_attention

WINDOW = {"kind": "window", "window": 8}
OTHER = {"kind": "budget", "budget": 3}


def parsed(registry: Registry, *layers: Any, **others: Any) -> AttentionConfig:
    """A config with an override for each of these layers."""
    overrides = [{"layers": each, "maskers": [OTHER]} for each in layers]
    return parse_attention({"maskers": [WINDOW], "overrides": overrides, **others}, registry)


@pytest.mark.parametrize(
    ("written", "held"), [(3, (3,)), ("4-7", (4, 5, 6, 7)), ([9, "1-2", 2], (1, 2, 9)), ("5-5", (5,))]
)
def test_layers_are_held_as_their_numbers(registry: Registry, written: Any, held: tuple[int, ...]) -> None:
    """A layer, a range, or a list of both, each layer once and in order; dumped, it is read again as the same."""
    config = parsed(registry, written)
    assert config.overrides[0].layers == held
    assert parse_attention(config.model_dump(mode="json"), registry) == config


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_each_layer_has_one_list(registry: Registry, first: set[int], second: set[int]) -> None:
    """A layer that an override names has its maskers, every other the common ones; none can be named twice."""
    named = [sorted(layers) for layers in (first, second) if layers]
    if first & second:
        with pytest.raises(ConfigError, match=r"overrides\[1\]\.layers: layer \d+ is in overrides\[0\] already"):
            parsed(registry, *named)
        return
    config = parsed(registry, *named)
    kinds = {layer: config.maskers_of(layer)[0].kind for layer in range(45)}
    assert {layer for layer, kind in kinds.items() if kind == "budget"} == first | second
    assert [masker.kind for masker in config.every_masker] == ["window", *(["budget"] if named else [])]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("7-4", "a range from the lower to the higher: 7-4"),
        (-1, "counted from 0 up.*-1"),
        ("all", "Input should be a layer, a range such as 4-7, or a list of both, not 'all'"),
        (True, "a list of both, not True"),
        (1.0, "a list of both, not 1.0"),
        ([], "at least 1"),
        ("0-99999999999", "counted from 0 up"),
    ],
)
def test_layers_that_are_none(registry: Registry, layers: Any, said: str) -> None:
    """What is no layer is named, with its place and what may stand there."""
    with pytest.raises(ConfigError, match=rf"overrides\[0\]\.layers: .*{said}"):
        parsed(registry, layers)


def test_a_dense_layer_has_no_maskers(registry: Registry) -> None:
    """A layer cannot be dense and overridden."""
    with pytest.raises(ConfigError, match=r"overrides\[0\]\.layers: layer 2 is in dense_layers already"):
        parsed(registry, [1, 2], dense_layers=[2])


def test_an_override_needs_maskers(registry: Registry) -> None:
    """Without maskers a layer is dense, and there is another word for that."""
    with pytest.raises(ConfigError, match=r"overrides\[0\]\.maskers: at least one masker is needed.*`dense_layers`"):
        parse_attention({"maskers": [WINDOW], "overrides": [{"layers": 0, "maskers": []}]}, registry)
