"""What a config may not say, and the exact words of the answer: file, line, column, path, what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from sah_core import ConfigError, Registry, UnknownMaskerError, load_config
from sah_core.config import parse_attention, parse_masker

SIZE = "Input should be a number of keys (a positive integer) or a fraction of the visible keys (a float in (0, 1])"


def masker(text: str) -> str:
    """A config file with this one masker, which starts in line 4, column 7."""
    return f"version: 1\nattention:\n  maskers:\n    - {text}\n"


FILES = {
    "bound": (
        "version: 1\nattention:\n  maskers:\n    - kind: sampler\n    - kind: window\n      window: 0\n",
        "run.yaml:6:7 attention.maskers[1].window: Input should be greater than 0, not 0",
    ),
    "unknown masker": (
        masker("{kind: windoww}"),
        "run.yaml:4:8 attention.maskers[0].kind: unknown masker 'windoww' (did you mean 'window'?); "
        "installed: budget, folder, oracle, refiner, sampler, window",
    ),
    "masker to install": (
        masker("{kind: quest}"),
        "run.yaml:4:8 attention.maskers[0].kind: masker 'quest' is not installed: pip install sah-masker-quest",
    ),
    "misspelt field": (
        masker("{kind: window, windw: 3}"),
        "run.yaml:4:22 attention.maskers[0].windw: unknown field 'windw', did you mean 'window'? "
        "(fields: kind, window)",
    ),
    "field of nothing like it": (
        "version: 1\nxyz: 3\n",
        "run.yaml:2:1 xyz: unknown field 'xyz' (fields: version, attention, model, protocol, generation)",
    ),
    "misspelt section": (
        "version: 1\nmodle: needle\n",
        "run.yaml:2:1 modle: unknown field 'modle', did you mean 'model'? "
        "(fields: version, attention, model, protocol, generation)",
    ),
    "missing field": (
        masker("{kind: folder}"),
        "run.yaml:4:7 attention.maskers[0].weights: Field required: a calibration folder",
    ),
    "missing kind": (
        masker("{window: 3}"),
        "run.yaml:4:7 attention.maskers[0].kind: Field required: the masker's name, such as sink",
    ),
    "kind is a number": (
        masker("{kind: 5}"),
        "run.yaml:4:8 attention.maskers[0].kind: Input should be a masker's name, not 5",
    ),
    "masker is a name": (
        masker("window"),
        "run.yaml:4:7 attention.maskers[0]: Input should be a mapping such as {kind: sink}, not 'window'",
    ),
    "size 0": (masker("{kind: budget, budget: 0}"), f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not 0"),
    "size -1": (masker("{kind: budget, budget: -1}"), f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not -1"),
    "size 1.5": (masker("{kind: budget, budget: 1.5}"), f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not 1.5"),
    "size 64.0": (
        masker("{kind: budget, budget: 64.0}"),
        f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not 64.0; for 64 keys write 64",
    ),
    "size true": (
        masker("{kind: budget, budget: true}"),
        f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not True (bool)",
    ),
    "size nan": (masker("{kind: budget, budget: .nan}"), f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not nan"),
    "size inf": (masker("{kind: budget, budget: .inf}"), f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not inf"),
    "size text": (
        masker("{kind: budget, budget: '4'}"),
        f"run.yaml:4:22 attention.maskers[0].budget: {SIZE}, not '4' (str)",
    ),
    "share 0": (
        masker("{kind: budget, mass: 0}"),
        "run.yaml:4:22 attention.maskers[0].mass: Input should be a number in (0, 1], not 0 (int)",
    ),
    "on is a string": (
        masker("{kind: budget, share: on}"),
        "run.yaml:4:22 attention.maskers[0].share: Input should be true or false, not 'on' (a string in YAML 1.2)",
    ),
    "wrong choice": (
        masker("{kind: budget, mode: slow}"),
        "run.yaml:4:22 attention.maskers[0].mode: Input should be 'exact' or 'fast', not 'slow'",
    ),
    "text for a number": (
        masker("{kind: window, window: many}"),
        "run.yaml:4:22 attention.maskers[0].window: Input should be a valid integer, not 'many'",
    ),
    "number in a list": (
        masker("{kind: budget, levels: [1, x]}"),
        "run.yaml:4:34 attention.maskers[0].levels[1]: Input should be a valid integer, not 'x'",
    ),
    "list expected": (
        masker("{kind: budget, levels: 1}"),
        "run.yaml:4:22 attention.maskers[0].levels: Input should be a list, not 1",
    ),
    "leading zero": (
        masker("{kind: window, window: 010}"),
        "run.yaml:4:30 010 is not the same number to every YAML reader: "
        "write a plain decimal number, or quotes for a string",
    ),
    "no masker": (
        "version: 1\nattention: {maskers: []}\n",
        "run.yaml:2:13 attention.maskers: at least one masker is needed; for dense attention leave out "
        "`attention`, or name layers in `dense_layers`",
    ),
    "maskers missing": ("version: 1\nattention: {}\n", "run.yaml:2:1 attention.maskers: Field required: what a query "
        "attends to: each masker adds to the ones before it"),
    "maskers is a mapping": (
        "version: 1\nattention:\n  maskers: {kind: window}\n",
        "run.yaml:3:3 attention.maskers: Input should be a list, not a mapping",
    ),
    "unknown backend": (
        "version: 1\nattention: {kind: fast, maskers: [{kind: window}]}\n",
        "run.yaml:2:13 attention.kind: Input should be 'research' or 'efficient', not 'fast'",
    ),
    "oracle in an efficient config": (
        "version: 1\nattention: {kind: efficient, maskers: [{kind: window}, {kind: oracle}]}\n",
        "run.yaml:2:1 attention: maskers[1] (oracle) reads the exact logits of all keys, which the efficient backend "
        "never computes: use kind: research for it, or a masker that estimates them",
    ),
    "refiner after sampler": (
        "version: 1\nattention:\n  maskers: [{kind: sampler}, {kind: refiner}]\n",
        "run.yaml:2:1 attention: maskers[1] (refiner) removes keys after the sampler maskers[0] (sampler), "
        "which biases the output: put it before the sampler, or a sampler after it",
    ),
    "layer below 0": (
        "version: 1\nattention: {maskers: [{kind: window}], dense_layers: [0, -1]}\n",
        "run.yaml:2:58 attention.dense_layers[1]: Input should be greater than or equal to 0, not -1",
    ),
    "seed": (
        "version: 1\nattention: {maskers: [{kind: window}], seed: -1}\n",
        "run.yaml:2:40 attention.seed: Input should be greater than or equal to 0, not -1",
    ),
    "dtype": (
        "version: 1\nmodel: {name: x, dtype: float23}\n",
        "run.yaml:2:18 model.dtype: Input should be 'auto', 'float32', 'bfloat16' or 'float16', not 'float23'",
    ),
    "model without name": (
        "version: 1\nmodel: {dtype: float32}\n",
        "run.yaml:2:1 model.name: Field required: "
        "an embedded model (needle), a folder, or a name on the Hugging Face hub",
    ),
    "model is a number": ("version: 1\nmodel: 5\n", "run.yaml:2:1 model: Input should be a mapping, not 5"),
    "section is nothing": ("version: 1\nprotocol:\n", "run.yaml:2:1 protocol: Input should be a mapping, not null"),
    "generation is a list": (
        "version: 1\ngeneration: [1]\n",
        "run.yaml:2:1 generation: Input should be a mapping, not [1]",
    ),
    "nan for transformers": (
        "version: 1\ngeneration: {top_p: .nan}\n",
        "run.yaml:2:1 generation: Input should hold strings, finite numbers, true, false, null, lists and mappings, "
        "as JSON does",
    ),
    "no version": ("model: needle\n", "run.yaml:1:1 version: Field required: write version: 1"),
    "version 2": (
        "version: 2\n",
        "run.yaml:1:1 version: Input should be 1, the version that this sah-core reads, not 2",
    ),
    "version true": (
        "version: true\n",
        "run.yaml:1:1 version: Input should be 1, the version that this sah-core reads, not True",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), FILES.values(), ids=FILES.keys())
def test_a_bad_file_gets_one_line(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """A file with one mistake gets one line: where it is, which field, what was expected and what was given."""
    monkeypatch.chdir(tmp_path)
    Path("run.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config("run.yaml", registry)
    assert str(caught.value) == said
    assert caught.value.exit_code == 2


def test_several_mistakes_get_a_line_each(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is wrong is told at once, in the order of the file's sections."""
    monkeypatch.chdir(tmp_path)
    text = (
        '{\n\t"version": 1,\n\t"attention": {"maskers": [\n\t\t{"kind": "window", "window": 0},\n'
        '\t\t{"kind": "nope"}]},\n\t"modle": "x"\n}\n'
    )
    Path("run.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config("run.json", registry)
    assert str(caught.value).splitlines() == [
        "run.json:4:22 attention.maskers[0].window: Input should be greater than 0, not 0",
        "run.json:5:4 attention.maskers[1].kind: unknown masker 'nope'; "
        "installed: budget, folder, oracle, refiner, sampler, window",
        "run.json:6:2 modle: unknown field 'modle', did you mean 'model'? "
        "(fields: version, attention, model, protocol, generation)",
    ]
    assert type(caught.value) is ConfigError


def test_a_mapping_has_paths_without_places(registry: Registry) -> None:
    """A mapping in Python has no lines; the path alone leads to the mistake."""
    with pytest.raises(ConfigError) as caught:
        load_config({"version": 1, "attention": {"maskers": [{"kind": "window", "window": 0}]}}, registry)
    assert str(caught.value) == "attention.maskers[0].window: Input should be greater than 0, not 0"


def test_parts_are_checked_alone(registry: Registry) -> None:
    """The attention section and a single masker have paths of their own."""
    with pytest.raises(ConfigError) as caught:
        parse_attention({"maskers": [{"kind": "window", "window": 0}]}, registry)
    assert str(caught.value) == "maskers[0].window: Input should be greater than 0, not 0"
    with pytest.raises(ConfigError) as caught:
        parse_masker({"kind": "window", "window": 0}, registry)
    assert str(caught.value) == "window: Input should be greater than 0, not 0"


def test_unknown_maskers_alone_are_an_error_of_their_own(registry: Registry) -> None:
    """Where unknown maskers are all that is wrong, the error is an UnknownMaskerError."""
    with pytest.raises(UnknownMaskerError):
        load_config({"version": 1, "attention": {"maskers": [{"kind": "nope"}, {"kind": "nor this"}]}}, registry)


def test_fields_with_odd_names_are_shown_safely(registry: Registry) -> None:
    """A name with control characters cannot paint the terminal: the path shows it quoted."""
    with pytest.raises(ConfigError) as caught:
        load_config({"version": 1, "\x1b[31mred": 1}, registry)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("given", [None, 5, [1], b"run.yaml"])
def test_what_is_neither_file_nor_mapping(registry: Registry, given: object) -> None:
    """Anything but a path, a mapping or a RunConfig is refused by type."""
    with pytest.raises(ConfigError, match=r"^a config is a mapping, not "):
        load_config(given, registry)  # type: ignore[arg-type]  # the mistake that is tested
