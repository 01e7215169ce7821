"""A benchmark's config: what a sweep stands for, and what is said of a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sah_bench.config.bench import BenchConfig
from sah_bench.config.load import load_bench
from sah_bench.config.placeholders import combinations, filled
from sah_core import ConfigError
from sah_core.masker_config import MaskerConfig

SMALL: dict[str, Any] = {
    "version": 1,
    "models": ["needle"],
    "attention": ["dense"],
    "tasks": ["needle"],
    "lengths": [64],
}


def bench(**changes: Any) -> BenchConfig:
    return load_bench({**SMALL, **changes})


def maskers(config: BenchConfig) -> dict[str, tuple[MaskerConfig, ...]]:
    return {each.name: () if each.attention is None else each.attention.maskers for each in config.contenders}


# -- sweeps ----------------------------------------------------------------------------------------------------------


def test_a_sweep_stands_for_the_entries_written_out() -> None:
    """Each value in its place, of its own type, and in the name."""
    swept = bench(
        attention=[
            {"name": "$kind $b", "sweep": {"kind": ["quest", "pqcache"], "b": [16, 0.5]}, "maskers": [
                {"kind": "sink"}, {"kind": "$kind", "budget": "$b"}]}
        ]
    )  # fmt: skip
    written = bench(
        attention=[
            {"name": f"{kind} {budget}", "maskers": [{"kind": "sink"}, {"kind": kind, "budget": budget}]}
            for kind in ("quest", "pqcache")
            for budget in (16, 0.5)
        ]
    )
    assert maskers(swept) == maskers(written)
    assert [dict(each.swept) for each in swept.contenders][1] == {"kind": "quest", "b": 0.5}


def test_values_that_the_name_does_not_mention_are_put_behind_it() -> None:
    """Names of a sweep never collide because somebody forgot one."""
    config = bench(
        attention=[{"name": "w$a", "sweep": {"a": [1, 2], "b": [3]}, "maskers": [
            {"kind": "sink", "size": "$b"}, {"kind": "local", "window": "$a"}]}]
    )  # fmt: skip
    assert list(maskers(config)) == ["w1 b=3", "w2 b=3"]


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(), min_size=1, max_size=3).map(tuple), max_size=3))
def test_combinations_are_a_product(sweep: dict[str, tuple[int, ...]]) -> None:
    """As many as the lengths multiplied, every one with every name, none twice but for repeated values."""
    found = list(combinations(sweep))
    expected = 1
    for values in sweep.values():
        expected *= len(values)
    assert len(found) == expected
    assert all(each.keys() == sweep.keys() for each in found)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)))
def test_what_holds_no_placeholder_stays_as_it_is(value: Any) -> None:
    """Only whole strings of the form $name are looked at."""
    if "$" not in json.dumps(value):
        assert filled(value, {"x": 1}) == value


# -- what is said of a mistake ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": ["nedle"]}, "tasks[0]: unknown task 'nedle' (did you mean 'needle'?)"),
        (
            {"tasks": [{"kind": "needle", "scorer": "exat"}]},
            "tasks[0].scorer: unknown scorer 'exat' (did you mean 'exact'?)",
        ),
        (
            {"tasks": [{"kind": "needle", "variant": "vot"}]},
            "tasks[0].variant: Input should be 'retrieval' or 'vote', not 'vot'",
        ),
        ({"tasks": ["needle", "needle"]}, "tasks: 2 of them are called 'needle retrieval': give one a name"),
        ({"tasks": []}, "tasks: at least one is needed"),
        ({"tasks": [7]}, "tasks[0]: Input should be a task's name, or a mapping such as {kind: needle}, not 7"),
        ({"attention": ["dense", "dense"]}, "attention: 2 of them are called 'dense': give each a name of its own"),
        ({"attention": [{"name": "q", "maskers": []}]}, "attention[0].maskers: at least one masker is needed"),
        ({"attention": [{"maskers": [{"kind": "sink"}]}]}, "attention[0].name: Field required"),
        (
            {"attention": [{"name": "q", "maskers": [{"kind": "qest"}]}]},
            "unknown masker 'qest' (did you mean 'quest'?)",
        ),
        (
            {"attention": [{"name": "q", "sweep": {"b": []}, "maskers": []}]},
            "attention[0].sweep.b: a sweep needs a value",
        ),
        ({"attention": [{"name": "q", "maskers": [{"kind": "sink", "size": "$s"}]}]}, "$s stands for nothing here"),
        (
            {"attention": [{"name": "q", "sweep": {"b": [2.0]}, "maskers": [{"kind": "quest", "budget": "$b"}]}]},
            "attention[0].maskers[0].budget: Input should be a number of keys",
        ),
        (
            {"attention": [{"name": "h", "maskers": [{"kind": "hashattention", "weights": "$calibrated"}]}]},
            "'h': $calibrated in hashattention needs a calibration section that names it",
        ),
        ({"calibration": {"maskers": ["quest"], "tasks": ["needle"]}}, "quest learns nothing; those that do:"),
        ({"models": ["needle", "needle"]}, "models: 2 of them are called 'needle': give one a label"),
        ({"lengths": []}, "lengths: the task 'needle retrieval' needs lengths"),
        ({"tasks": [{"kind": "file", "path": "a.jsonl"}]}, "lengths: no task of this benchmark has lengths"),
        ({"lengths": [64, 64]}, "lengths: 2 of them are called '64': say it once"),
        ({"lengths": [0]}, "lengths[0]: Input should be greater than or equal to 1"),
        ({"measure": {"metrics": ["densty"]}}, "measure.metrics[0]: unknown metric 'densty' (did you mean 'density'?)"),
        ({"measure": {"metrics": ["density"], "rate": 0}}, "measure.rate: Input should be greater than 0"),
        ({"truncate": "end"}, "truncate: Input should be 'refuse' or 'middle', not 'end'"),
        ({"timeout": {"sample": -1}}, "timeout.sample: Input should be greater than 0"),
        ({"version": 2}, "version: Input should be 1"),
        ({"atention": []}, "atention: unknown field 'atention', did you mean 'attention'?"),
    ],
)
def test_a_mistake_is_told_with_its_place(changes: dict[str, Any], said: str) -> None:
    """One ConfigError that says where, what was given and what was expected."""
    with pytest.raises(ConfigError) as raised:
        bench(**changes)
    assert said in str(raised.value)


def test_a_mistake_in_a_file_is_told_with_line_and_column(tmp_path: Path) -> None:
    """As for every config of this project."""
    file = tmp_path / "bench.yaml"
    file.write_text(
        "version: 1\nmodels: [needle]\nattention: [dense]\ntasks:\n  - {kind: needle, scorer: exat}\nlengths: [64]\n"
    )
    with pytest.raises(ConfigError, match=r"bench\.yaml:5:20 tasks\[0\]\.scorer: unknown scorer 'exat'"):
        load_bench(file)


def test_a_mistake_in_a_change_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    """What the command line replaces does not stand in the file."""
    file = tmp_path / "bench.yaml"
    YAML().dump(SMALL, file)
    with pytest.raises(ConfigError) as raised:
        load_bench(file, changes={"tasks": ["nedle"]})
    assert str(raised.value).startswith("tasks[0]: unknown task 'nedle'")


def test_a_config_is_what_its_json_says() -> None:
    """Dumping and reading again changes nothing, sweeps included."""
    config = bench(
        attention=["dense", {"name": "w $w", "sweep": {"w": [8, 0.5]}, "maskers": [{"kind": "local", "window": "$w"}]}],
        calibration={"maskers": ["hashattention"], "tasks": ["needle"], "length": 64},
        measure={"metrics": ["density"], "rate": 0.5},
    )
    assert load_bench(json.loads(config.model_dump_json())) == config
