"""A method's space: where it starts, what is tried, and the config of any values."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any, Literal, Self

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, model_validator

from sah_bench.tuning.result import ParameterRange, Value
from sah_bench.tuning.space import Space, SpaceError
from sah_core import AttentionConfig, ConfigError, MaskerConfig, Registry, Size, Tunable, default_registry, hookimpl
from sah_core.config import parse_attention
from sah_core.plugins import RegisterMasker


class TwoNumbersConfig(MaskerConfig):
    """Every type of field, nothing declared, and a rule between two of them."""

    kind: Literal["two_numbers"] = "two_numbers"
    budget: Size = 0.1
    few: int = Field(default=2, ge=1, le=8)
    many: int = Field(default=8, ge=1, le=300)
    scale: float = Field(default=16.0, gt=0)
    share: bool = False
    mode: Literal["exact", "fast"] = "exact"
    note: str = ""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.few > self.many:
            raise ValueError(f"few should be at most many = {self.many}, not {self.few}")
        return self


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer it."""
    register(TwoNumbersConfig, "nowhere:Masker")


plugin = SimpleNamespace(SAH_API_VERSION=1, sah_register_maskers=sah_register_maskers)


@pytest.fixture(scope="module")
def tiny() -> Registry:
    """A registry that knows this masker alone."""
    assert sys.modules[__name__].plugin is plugin
    registry = Registry([EntryPoint(name="tiny", value=f"{__name__}:plugin", group="sah")], environ={})
    assert registry.kinds == ("two_numbers",), registry.records
    return registry


def space_of(*maskers: dict[str, Any], registry: Registry | None = None, **asked: Any) -> Space:
    attention = parse_attention({"maskers": maskers}, registry)
    return Space.of(attention, asked.get("ranges", {}), asked.get("fixed", ()), registry or default_registry())


def started(kind: str) -> dict[str, Any]:
    """A masker with its defaults, and whatever it needs beside them."""
    config = default_registry().masker_config(kind)
    needed = {name: "a folder" for name, info in config.model_fields.items() if info.is_required()}
    return {"kind": kind, **needed}


TUNED = [
    kind for kind in default_registry().kinds if default_registry().masker_config(kind).model_fields.keys() > {"kind"}
]

starts = st.builds(
    TwoNumbersConfig,
    budget=st.integers(1, 10**6) | st.floats(1e-6, 1.0),
    few=st.integers(1, 8),
    many=st.integers(8, 300),
    scale=st.floats(1e-6, 1e6),
    share=st.booleans(),
    mode=st.sampled_from(["exact", "fast"]),
)


@given(starts, st.data())
def test_values_of_the_distributions_are_refused_by_rules_between_fields_alone(
    start: TwoNumbersConfig, data: st.DataObject
) -> None:
    """No single value is out of its field's bounds, and none changes its type."""
    space = Space.of(AttentionConfig(maskers=(start,)), {}, (), default_registry())
    values = {name: data.draw(_drawn(each), name) for name, each in space.distributions().items()}
    few, many = int(values["two_numbers.few"]), int(values["two_numbers.many"])
    if few > many:
        with pytest.raises(ConfigError, match=f"^two_numbers: few should be at most many = {many}, not {few}$"):
            space.config(values)
        return
    (config,) = space.config(values).maskers
    for parameter in space.parameters:
        assert repr(getattr(config, parameter.field)) == repr(values[parameter.name])
        assert type(getattr(config, parameter.field)) is type(getattr(start, parameter.field))


def _drawn(distribution: optuna.distributions.BaseDistribution) -> st.SearchStrategy[Value]:
    if isinstance(distribution, IntDistribution):
        return st.integers(distribution.low, distribution.high)
    if isinstance(distribution, FloatDistribution):
        return st.floats(distribution.low, distribution.high)
    assert isinstance(distribution, CategoricalDistribution)
    return st.sampled_from(distribution.choices)


@given(starts)
def test_the_start_is_where_it_starts(start: TwoNumbersConfig) -> None:
    """Its values are in the distributions, and give the very config back."""
    attention = AttentionConfig(maskers=(start,), dense_layers=(0,), seed=3)
    space = Space.of(attention, {}, (), default_registry())
    values = space.start_values()
    assert space.config(values) == attention == space.start
    assert space.config({}) == attention
    for name, distribution in space.distributions().items():
        assert distribution._contains(distribution.to_internal_repr(values[name]))


@pytest.mark.parametrize("kind", TUNED)
def test_every_installed_masker_can_be_tuned(kind: str) -> None:
    """With its own defaults to start with, whatever Optuna suggests is a config, of 100 suggestions each."""
    space = space_of(started(kind))
    assert all(parameter.name == f"{kind}.{parameter.field}" for parameter in space.parameters)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(space.start_values())
    distributions = space.distributions()
    configs = [space.config(study.ask(distributions).params) for _ in range(100)]
    assert configs[0] == space.start
    assert len({repr(config) for config in configs}) > 5
    for config in configs:
        (masker,) = config.maskers
        assert parse_attention({"maskers": [masker.model_dump()]}).maskers == (masker,)


def test_a_plugin_without_a_declaration_is_tuned(tiny: Registry) -> None:
    """All of its fields but the text, by their types and bounds."""
    space = space_of({"kind": "two_numbers", "many": 20}, registry=tiny)
    assert {parameter.field: parameter.range for parameter in space.parameters} == {
        "budget": Tunable(0.0125, 0.4, log=True),
        "few": Tunable(1, 8),
        "many": Tunable(1, 300, log=True),
        "scale": Tunable(4.0, 64.0, log=True),
        "share": Tunable(choices=(False, True)),
        "mode": Tunable(choices=("exact", "fast")),
    }


def test_parameters_are_named_by_masker_and_field() -> None:
    """The second of a kind has a number; the first, and every other, has none."""
    space = space_of({"kind": "sink"}, {"kind": "local"}, {"kind": "causal"}, {"kind": "local", "window": 9})
    assert [(each.name, each.place, each.field, each.start) for each in space.parameters] == [
        ("sink.size", 0, "size", 4),
        ("local.window", 1, "window", 64),
        ("local#2.window", 3, "window", 9),
    ]
    assert [masker.model_dump() for masker in space.config({"local#2.window": 5}).maskers] == [
        {"kind": "sink", "size": 4},
        {"kind": "local", "window": 64},
        {"kind": "causal"},
        {"kind": "local", "window": 5},
    ]


def test_ranges_replace_and_fixed_leaves_out() -> None:
    """A range may also be given to what is not tuned by itself; a masker's name stands for all of its fields."""
    space = space_of(
        {"kind": "sink"},
        {"kind": "local"},
        {"kind": "pqcache", "budget": 0.01},
        fixed=["sink", "local.window", "pqcache.metric"],
        ranges={"pqcache.budget": Tunable(0.02, 0.1), "pqcache.iterations": Tunable(choices=(1, 2, 4))},
    )
    assert {parameter.name: parameter.range for parameter in space.parameters} == {
        "pqcache.budget": Tunable(0.01, 0.1),
        "pqcache.subvectors": Tunable(choices=(1, 2, 4, 8)),
        "pqcache.bits": Tunable(3, 8),
        "pqcache.iterations": Tunable(choices=(1, 2, 4, 10)),
        "pqcache.share_kv_group": Tunable(choices=(False, True)),
    }


def test_what_a_calibrator_fills_in_is_not_tuned() -> None:
    """The folder, and the bits of the signatures in it; unless somebody asks for it."""
    masker = {"kind": "hashattention", "weights": "one"}
    assert {each.field for each in space_of(masker).parameters} == {"budget", "share_kv_group"}
    asked = space_of(masker, ranges={"hashattention.weights": Tunable(choices=("one", "two"))})
    config = asked.config({"hashattention.weights": "two"}).maskers[0]
    assert config.model_dump()["weights"] == "two"


def test_what_is_tried_is_told() -> None:
    """As the study's result has it."""
    space = space_of({"kind": "quest"}, fixed=["quest.keep_last_page", "quest.share_kv_group"])
    assert space.ranges() == (
        ParameterRange("quest.budget", 0.1, 0.005, 0.5, log=True),
        ParameterRange("quest.page_size", 16, choices=(4, 8, 16, 32)),
    )
    assert space.distributions() == {
        "quest.budget": FloatDistribution(0.005, 0.5, log=True),
        "quest.page_size": CategoricalDistribution((4, 8, 16, 32)),
    }


def test_other_layers_and_the_backend_stay() -> None:
    """The parameters are those of `maskers`; all else is as it starts."""
    attention = parse_attention(
        {
            "kind": "efficient",
            "maskers": [{"kind": "sink"}],
            "overrides": [{"layers": 3, "maskers": [{"kind": "local"}]}],
            "dense_layers": [0],
            "seed": 5,
        }
    )
    space = Space.of(attention, {}, (), default_registry())
    assert [parameter.name for parameter in space.parameters] == ["sink.size"]
    changed = space.config({"sink.size": 9})
    assert changed.model_dump() == attention.model_dump() | {"maskers": ({"kind": "sink", "size": 9},)}


@pytest.mark.parametrize(
    ("maskers", "asked", "path", "said"),
    [
        (["quest"], {"fixed": ["quest.pagesize"]}, ("fixed", "quest.pagesize"), "did you mean 'quest.page_size'?"),
        (["quest"], {"fixed": ["sink"]}, ("fixed", "sink"), "this method has no 'sink'; it has quest.budget"),
        (
            ["quest"],
            {"ranges": {"quest.budgt": Tunable(1, 2)}},
            ("ranges", "quest.budgt"),
            "this method has no 'quest.budgt' (did you mean 'quest.budget'?); it has quest.budget, quest.page_size,",
        ),
        (
            ["quest"],
            {"ranges": {"quest.budget": Tunable(1, 2)}, "fixed": ["quest.budget"]},
            ("fixed", "quest.budget"),
            "quest.budget has a range: leave one of them out",
        ),
        (
            ["quest"],
            {"ranges": {"quest.budget": Tunable(16, 64)}},
            ("ranges", "quest.budget"),
            "quest.budget starts at 0.1, a fraction, and its range is of keys",
        ),
        (["causal"], {}, (), "causal has no field that can be tuned: name a method that has parameters"),
        (["sink", "local"], {"fixed": ["sink", "local"]}, (), "sink, local: nothing is left to tune"),
    ],
)
def test_what_does_not_fit_is_told(maskers: list[str], asked: dict[str, Any], path: tuple[str, ...], said: str) -> None:
    """One sentence, and where it was asked."""
    with pytest.raises(SpaceError) as raised:
        space_of(*({"kind": kind} for kind in maskers), **asked)
    assert said in str(raised.value)
    assert raised.value.path == path


def test_values_of_no_parameter_are_refused() -> None:
    """A value that would change nothing is a mistake."""
    space = space_of({"kind": "quest"}, fixed=["quest.page_size"])
    with pytest.raises(ConfigError, match=r"no 'quest\.page_size'"):
        space.config({"quest.page_size": 4})


def test_a_rule_between_fields_is_named() -> None:
    """MagicPIG with fewer tables than matches: what a study counts as a failed trial."""
    space = space_of({"kind": "magicpig"}, ranges={"magicpig.tables": Tunable(1, 8)})
    with pytest.raises(ConfigError, match="magicpig: tables should be at least min_matches = 2, not 1"):
        space.config({"magicpig.tables": 1})
