"""A search's config: what a method's entry stands for, the benchmark that it asks, and what is said of a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sah_bench.config.load import load_bench, load_tune
from sah_bench.config.tune import TuneConfig
from sah_core import ConfigError, Tunable

SMALL: dict[str, Any] = {
    "version": 1,
    "model": "needle",
    "methods": ["quest"],
    "tasks": [{"kind": "needle", "samples": 8}],
    "lengths": [64],
    "budget": {"density": 0.2},
}
QUEST: dict[str, Any] = {
    "name": "q",
    "kind": "efficient",
    "maskers": [{"kind": "sink"}, {"kind": "local", "window": 16}, {"kind": "quest", "budget": 0.03}],
}


def tune(**changes: Any) -> TuneConfig:
    return load_tune({**SMALL, **changes})


# -- methods ---------------------------------------------------------------------------------------------------------


def test_a_name_alone_stands_for_the_masker_after_sink_and_window() -> None:
    """With their defaults, on the backend that can run it."""
    config = tune(methods=["magicpig", "oracle_top_k", "local"])
    starts = [entry.space.start for entry in config.entries]
    assert [entry.name for entry in config.entries] == ["magicpig", "oracle_top_k", "local"]
    assert [[masker.kind for masker in start.maskers] for start in starts] == [
        ["sink", "local", "magicpig"],
        ["sink", "local", "oracle_top_k"],
        ["sink", "local"],
    ]
    assert [start.kind for start in starts] == ["efficient", "research", "efficient"]


def test_a_name_alone_has_its_folder_calibrated() -> None:
    """What a masker cannot be without is learned first; a folder that it can be without is left out."""
    config = tune(
        methods=["hashattention", "double_sparsity"], calibration={"maskers": ["hashattention"], "tasks": ["needle"]}
    )
    hashed, doubled = (entry.space.start.maskers[-1].model_dump() for entry in config.entries)
    assert hashed["weights"] == "$calibrated"
    assert doubled["channels"] == "online"


def test_a_mapping_says_where_the_search_starts_what_stays_and_what_is_tried() -> None:
    """Any field of an `attention` section may be there; lists are choices, mappings ranges."""
    (entry,) = tune(
        methods=[
            {
                **QUEST,
                "dense_layers": [0],
                "fixed": ["sink.size", "quest.keep_last_page"],
                "ranges": {
                    "quest.page_size": [4, 8, 16],
                    "quest.budget": {"low": 0.005, "high": 0.05, "log": True},
                    "local.window": {"low": 4, "high": 32},
                },
            }
        ]
    ).entries
    assert entry.space.start.dense_layers == (0,)
    assert {parameter.name: parameter.range for parameter in entry.space.parameters} == {
        "local.window": Tunable(4, 32),
        "quest.budget": Tunable(0.005, 0.05, log=True),
        "quest.page_size": Tunable(choices=(4, 8, 16)),
        "quest.share_kv_group": Tunable(choices=(False, True)),
    }


def test_what_is_dumped_reads_back() -> None:
    """Methods as they were written."""
    config = tune(
        methods=["magicpig", {**QUEST, "ranges": {"quest.page_size": [4, 8]}}], search={"seeds": [3], "trials": 2}
    )
    dumped = json.loads(config.model_dump_json(exclude_none=True))
    again = load_tune(dumped)
    assert again.entries == config.entries
    assert json.loads(again.model_dump_json(exclude_none=True)) == dumped


@pytest.mark.parametrize(
    ("budget", "of", "at_most"),
    [({"density": 1}, "density", 1.0), ({"seconds": 2}, "seconds", 2.0), ({"megabytes": 0.5}, "megabytes", 0.5)],
)
def test_a_budget_is_of_one_thing(budget: dict[str, Any], of: str, at_most: float) -> None:
    """And a whole number of it will do."""
    config = tune(budget=budget)
    assert (config.budget.of, config.budget.at_most) == (of, at_most)


# -- the benchmark that it asks ----------------------------------------------------------------------------------------


def test_its_benchmark_asks_what_the_file_says() -> None:
    """These configs, these seeds, and everything else from the search's config: as if it had been written."""
    asked = {
        "tasks": [{"kind": "needle", "samples": 8}],
        "lengths": [64, 128],
        "generation": {"max_new_tokens": 4},
        "truncate": "middle",
        "timeout": {"sample": 9},
        "workers": {"devices": ["cpu"], "threads": 1},
        "calibration": {"maskers": ["hashattention"], "tasks": ["needle"], "length": 64},
    }
    config = tune(**asked, methods=[QUEST], protocol="generation", name="n")
    start = config.entries[0].space.start
    made = config.bench({"dense": None, "trial 3": start}, [7, 8])
    written = load_bench(
        {
            **asked,
            "version": 1,
            "name": "n",
            "models": ["needle"],
            "attention": ["dense", {**QUEST, "name": "trial 3"}],
            "protocols": ["generation"],
            "seeds": [7, 8],
        }
    )
    assert made.contenders == written.contenders
    same = {"attention"}
    assert made.model_dump(exclude=same) == written.model_dump(exclude=same)
    assert load_bench(json.loads(made.model_dump_json(exclude_none=True))).contenders == written.contenders


# -- what is said of a mistake -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"methods": []}, "methods: at least one is needed"),
        ({"methods": ["qest"]}, "methods[0]: unknown masker 'qest' (did you mean 'quest'?)"),
        ({"methods": [7]}, "methods[0]: Input should be a masker's name, or a mapping with a name and maskers, not 7"),
        (
            {"methods": ["causal"]},
            "methods[0]: causal has no field that can be tuned: name a method that has parameters",
        ),
        ({"methods": ["quest", "quest"]}, "methods: 2 of them are called 'quest': give each a name of its own"),
        ({"methods": [{"maskers": [{"kind": "quest"}]}]}, "methods[0].name: Field required: what reports call it"),
        ({"methods": [{"name": "q", "maskers": []}]}, "methods[0].maskers: at least one masker is needed"),
        (
            {"methods": [{**QUEST, "maskers": [{"kind": "sink", "size": 0}]}]},
            "methods[0].maskers[0].size: Input should be a number of keys",
        ),
        ({"methods": [{**QUEST, "maskrs": []}]}, "methods[0].maskrs: unknown field 'maskrs', did you mean 'maskers'?"),
        (
            {"methods": [{**QUEST, "fixed": ["sink", "quest.bugdet"]}]},
            "methods[0].fixed[1]: this method has no 'quest.bugdet' (did you mean 'quest.budget'?)",
        ),
        (
            {"methods": [{**QUEST, "ranges": {"quest.bugdet": [1, 2]}}]},
            "methods[0].ranges.'quest.bugdet': this method has no 'quest.bugdet' (did you mean 'quest.budget'?)",
        ),
        (
            {"methods": [{**QUEST, "ranges": {"quest.budget": {"low": 0.5, "high": 0.1}}}]},
            "methods[0].ranges.'quest.budget': low should be less than high, not 0.5 with high = 0.1",
        ),
        (
            {"methods": [{**QUEST, "ranges": {"quest.budget": {"low": 0.5}}}]},
            "methods[0].ranges.'quest.budget'.high: Field required: the greatest number to try",
        ),
        (
            {"methods": [{**QUEST, "ranges": {"quest.budget": 0.5}}]},
            "methods[0].ranges.'quest.budget': Input should be values such as [4, 8, 16], or a mapping such as",
        ),
        ({"methods": [{**QUEST, "ranges": {"quest.budget": []}}]}, "choices should be a list of at least one value"),
        (
            {"methods": [{**QUEST, "ranges": {"quest.page_size": [4, 0]}}]},
            "methods[0].ranges.'quest.page_size': quest.page_size cannot be 0: Input should be greater than or equal",
        ),
        ({"methods": ["hashattention"]}, "'hashattention': $calibrated in hashattention needs a calibration section"),
        ({"budget": {}}, "budget: a budget is one of density, seconds and megabytes, not none"),
        (
            {"budget": {"density": 0.1, "seconds": 2}},
            "budget: a budget is one of density, seconds and megabytes, not density and seconds",
        ),
        ({"budget": {"density": 1.5}}, "budget.density: Input should be less than or equal to 1, not 1.5"),
        ({"budget": {"seconds": 0}}, "budget.seconds: Input should be greater than 0, not 0"),
        ({"search": {"seeds": []}}, "search.seeds: at least one is needed"),
        ({"search": {"seeds": [1, 1]}}, "search.seeds: 1 is there twice: say it once"),
        ({"search": {"trials": 0}}, "search.trials: Input should be greater than or equal to 1, not 0"),
        (
            {"search": {"seeds": [1, 2]}, "confirm": {"seeds": [2, 3]}},
            "confirm.seeds: 2 is of the search too: rows that confirm are rows no trial is asked",
        ),
        (
            {"tasks": ["needle", {"kind": "file", "path": "a.jsonl"}]},
            "tasks[1]: 'a.jsonl' has the same rows whatever the seed",
        ),
        ({"lengths": []}, "lengths: the task 'needle retrieval' needs lengths"),
        ({"models": ["needle"]}, "models: unknown field 'models', did you mean 'model'?"),
        ({"version": 2}, "version: Input should be 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(changes: dict[str, Any], said: str) -> None:
    """One ConfigError that says where, what was given and what was expected."""
    with pytest.raises(ConfigError) as raised:
        tune(**changes)
    assert said in str(raised.value)


@pytest.mark.parametrize("field", ["model", "methods", "tasks", "budget"])
def test_what_no_search_can_be_without_is_asked_for(field: str) -> None:
    """By name."""
    with pytest.raises(ConfigError, match=f"^{field}: Field required"):
        load_tune({name: given for name, given in SMALL.items() if name != field})


def test_a_mistake_in_a_file_is_told_with_line_and_column(tmp_path: Path) -> None:
    """Of the very name that is wrong."""
    file = tmp_path / "tune.yaml"
    file.write_text(
        "version: 1\nmodel: needle\nmethods:\n  - magicpig\n  - name: q\n    maskers: [{kind: quest}]\n"
        "    ranges:\n      quest.page_size: [4, -8]\n    fixed: [quest.budgt]\n"
        "tasks: [needle]\nlengths: [64]\nbudget: {density: 0.1}\n"
    )
    with pytest.raises(ConfigError) as raised:
        load_tune(file)
    assert str(raised.value).startswith(f"{file}:9:13 methods[1].fixed[0]: this method has no 'quest.budgt'")
    file.write_text(file.read_text().replace("    fixed: [quest.budgt]\n", ""))
    with pytest.raises(ConfigError) as raised:
        load_tune(file)
    assert str(raised.value).startswith(f"{file}:8:7 methods[1].ranges.'quest.page_size': ")
