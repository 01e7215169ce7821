"""What --model_args may hold: each mistake gets one sentence, before a model is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lm_eval.models.huggingface import HFLM  # type: ignore[import-untyped]  # lm_eval publishes no types

from sah_core import ConfigError
from sah_hf import GenerationError
from sah_lm_eval import SahLM
from sah_lm_eval.options import SahOptions


def written(tmp_path: Path, text: str = "version: 1\nmodel: needle\n") -> str:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def read(**given: Any) -> SahOptions:
    return SahOptions.read(given, HFLM.__init__)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"--model sah needs a run config: --model_args config=run\.yaml"),
        ({"config": 3}, "--model sah needs a run config"),
        ({"confg": "run.yaml"}, "--model sah has no option 'confg': did you mean 'config'"),
        ({"banana": 1}, "--model sah has no option 'banana': there are add_bos_token, batch_size, .* truncation"),
        ({"pretrained": "gpt2"}, "pretrained is the run config's to say, in its model section"),
        ({"dtype": "float32"}, "dtype is the run config's to say"),
        (
            {"parallelize": True},
            "parallelize is for a model that lm_eval loads itself; --model sah loads the run config's",
        ),
    ],
)
def test_what_is_no_option(given: dict[str, Any], message: str) -> None:
    """An unknown name, one that the config decides, one for a model that lm_eval loads, no config."""
    with pytest.raises(ConfigError, match=message):
        SahLM(**given)


def test_what_is_no_config(tmp_path: Path) -> None:
    """A file that is not there, that holds no run, that names no model, a generation option that is none."""
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        SahLM(config=str(tmp_path / "absent.yaml"))
    with pytest.raises(ConfigError, match="mode: unknown field"):
        SahLM(config=written(tmp_path, "version: 1\nmode: needle\n"))
    with pytest.raises(ConfigError, match=r"run\.yaml names no model: add  model: needle"):
        SahLM(config=written(tmp_path, "version: 1\n"))
    with pytest.raises(GenerationError, match="'max_new_token', did you mean 'max_new_tokens'"):
        SahLM(config=written(tmp_path, "version: 1\nmodel: needle\ngeneration: {max_new_token: 8}\n"))


def test_a_device_that_the_config_leaves_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--device decides where the config says auto; lm_eval says cuda:0 where nobody asked, and there may be none."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = written(tmp_path)
    assert read(config=config).model.device == "auto"
    assert read(config=config, device="cuda:0").model.device == "auto"
    assert read(config=config, device="cpu").model.device == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert read(config=config, device="cuda:1").model.device == "cuda:1"
    own = written(tmp_path, "version: 1\nmodel: {name: needle, device: cpu}\n")
    assert read(config=own, device="cuda:1").model.device == "cpu"


def test_code_of_a_model_is_run_where_either_says_so(tmp_path: Path) -> None:
    """lm_eval's flag --trust_remote_code comes with the model's options."""
    assert not read(config=written(tmp_path)).model.trust_remote_code
    assert read(config=written(tmp_path), trust_remote_code=True).model.trust_remote_code


def test_what_lm_evals_own_model_is_told(tmp_path: Path) -> None:
    """Its options that mean something for a loaded model, as they were given; the rest is ours."""
    found = read(config=written(tmp_path), batch_size="auto", max_length=64, device="cpu", split="tokens:3")
    assert found.passed_on == {"batch_size": "auto", "max_length": 64}
    assert (found.split.said, found.split.context_field) == ("tokens:3", "context")
