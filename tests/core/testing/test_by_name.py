"""Maskers that are checked by name: which configs, `sah check masker`, `pytest --masker`."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor

from sah_core import (
    CalibrationSettings,
    Calibrator,
    MaskerConfig,
    Registry,
    UnknownMaskerError,
    UsageError,
    load_calibration,
)
from sah_core.cli import main
from sah_core.testing import configs_of
from sah_core.testing.examples import Shapes


class ThreeConfig(MaskerConfig):
    """Three fields, of which one has no example."""

    kind: Literal["three"] = "three"
    first: int = Field(default=1, examples=[5, 6])
    second: str = "here"
    third: bool = Field(default=False, examples=[True])


class NeedyConfig(MaskerConfig):
    """A field that nobody can guess."""

    kind: Literal["needy"] = "needy"
    secret: int


class LearnedConfig(MaskerConfig):
    """A field that names a calibration."""

    kind: Literal["learned"] = "learned"
    size: int = Field(default=1, examples=[2])
    folder: str


class OptionalConfig(MaskerConfig):
    """A field that may name a calibration."""

    kind: Literal["optional"] = "optional"
    folder: str = "none"


class MeanSettings(CalibrationSettings):
    """None."""


class MeanCalibrator(Calibrator[Any, MeanSettings]):
    """Learns the mean key of the last block."""

    def observe(self, inputs: Any) -> None:
        self.means = {**getattr(self, "means", {}), inputs.layer_idx: inputs.keys.mean((0, 2))}

    def result(self) -> dict[str, dict[int, Tensor]]:
        return {"mean": self.means}

    def state(self) -> dict[str, Tensor]:
        return {}

    def restore(self, state: Any) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of these four kinds."""
    from sah_core import hookimpl

    plugin = ModuleType("four_kinds")
    plugin.MeanCalibrator = MeanCalibrator  # type: ignore[attr-defined]  # what the entry point's module offers

    @hookimpl
    def sah_register_maskers(register: Any) -> None:
        for config in (ThreeConfig, NeedyConfig, LearnedConfig, OptionalConfig):
            register(config, "four_kinds:Nothing")

    @hookimpl
    def sah_register_calibrators(register: Any) -> None:
        for config in (LearnedConfig, OptionalConfig):
            register(config, MeanSettings, "four_kinds:MeanCalibrator", field="folder")

    plugin.SAH_API_VERSION = 1  # type: ignore[attr-defined]
    plugin.sah_register_maskers = sah_register_maskers  # type: ignore[attr-defined]
    plugin.sah_register_calibrators = sah_register_calibrators  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "four_kinds", plugin)
    return Registry([EntryPoint("four", "four_kinds", "sah")], {})


def test_a_kind_is_checked_with_its_defaults_and_its_examples(registry: Registry) -> None:
    """The first example of each field that has any; the default of the others."""
    assert configs_of("three", registry) == (ThreeConfig(), ThreeConfig(first=5, second="here", third=True))


def test_a_kind_that_learns_gets_a_tiny_calibration(registry: Registry) -> None:
    """Made by its own calibrator for each config, and the inputs have the shape of that model."""
    configs = configs_of("learned", registry)
    assert [config.model_dump()["size"] for config in configs] == [1, 2]
    for config in configs:
        learned = load_calibration(config.model_dump()["folder"], "learned")
        assert learned.of_layer("mean", 2, (2, 8)).isfinite().all()
        assert Shapes.of(config, (16,)) == Shapes((8,), (4, 2), 3)


def test_a_kind_that_may_learn_is_checked_with_and_without(registry: Registry) -> None:
    """Without first."""
    without, with_one = configs_of("optional", registry)
    assert without == OptionalConfig()
    assert torch.is_tensor(load_calibration(with_one.model_dump()["folder"], "optional").of_layer("mean", 0, (2, 8)))
    assert Shapes.of(without, (16,)) == Shapes((16,))


def test_a_kind_with_another_required_field_cannot_be_checked_by_name(registry: Registry) -> None:
    """It says how to check it, then."""
    with pytest.raises(UsageError, match=r"secret must be given.*check_masker\(NeedyConfig\(\.\.\.\)\)"):
        configs_of("needy", registry)
    with pytest.raises(UnknownMaskerError, match="unknown masker 'thre'"):
        configs_of("thre", registry)


def test_the_command_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and one sentence."""
    assert main(["check", "masker", "no_such_thing"]) == 2
    assert "unknown masker 'no_such_thing'" in capsys.readouterr().err


def test_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without Hypothesis there is nothing to check with."""
    pytest.importorskip("sah_masker_window")
    monkeypatch.setattr("sah_core.cli.check.find_spec", lambda name: None)
    assert main(["check", "masker", "sink"]) == 2
    assert capsys.readouterr().err == 'sah check needs hypothesis: pip install "sah-core[testing]"\n'


def test_the_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a rule; as JSON the same."""
    pytest.importorskip("sah_masker_window")
    asked = ["check", "masker", "sink", "--examples", "2", "--rule", "check_full_stays_full"]
    assert main([*asked, "--rule", "check_draws_are_unbiased"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[2:4] == [["check_full_stays_full", "passed"], ["check_draws_are_unbiased", "not", "applicable"]]
    assert main([*asked, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] is True
    assert printed["reports"][0]["config"] == {"kind": "sink", "size": 4}
    assert printed["reports"][0]["results"][0]["outcome"] == "passed"


def test_the_command_fails_where_a_rule_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, the message and the smallest example."""
    sink = pytest.importorskip("sah_masker_window.sink").Sink

    def forgetful(self: Any, inputs: Any, previous: Any) -> Any:
        return type(previous).empty(inputs.shape)

    monkeypatch.setattr(sink, "add_mask", forgetful)
    assert main(["check", "masker", "sink", "--rule", "check_full_stays_full"]) == 1
    out = capsys.readouterr().out
    assert "check_full_stays_full: a full mask did not stay full" in out
    assert "batch 1, 1 query heads, 1 KV heads, 1 queries, 1 keys, head dimension 8, layer 0" in out


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_pytest_checks_a_masker_by_name(tmp_path: Path) -> None:
    """From any folder, with no code: that masker and nothing else; with files named, those too."""
    pytest.importorskip("sah_masker_window")
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    pass\n")
    alone = pytest_in(tmp_path, "--masker", "causal", "-k", "full or mine")
    assert (alone.returncode, "1 passed" in alone.stdout) == (0, True), alone.stdout
    both = pytest_in(tmp_path, "--masker", "causal", "-k", "full or mine", "test_mine.py")
    assert (both.returncode, "2 passed" in both.stdout) == (0, True), both.stdout
    unknown = pytest_in(tmp_path, "--masker", "casual")
    assert unknown.returncode == 4
    assert "did you mean 'causal'?" in unknown.stderr


def test_pytest_starts_without_torch(tmp_path: Path) -> None:
    """The plugin is loaded at every start of pytest, so it costs next to nothing."""
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('sah')\n    assert 'torch' not in sys.modules\n"
    )
    found = pytest_in(tmp_path, "test_light.py")
    assert found.returncode == 0, found.stdout
