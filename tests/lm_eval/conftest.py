"""What these tests share: run configs, lm_eval's own model beside ours, requests, tasks that need no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance  # type: ignore[import-untyped]  # lm_eval publishes no types
from lm_eval.models.huggingface import HFLM  # type: ignore[import-untyped]  # the same
from lm_eval.tasks import TaskManager, get_task_dict  # type: ignore[import-untyped]  # the same

from sah_core import ModelConfig
from sah_hf.models.loading import model_folder
from sah_lm_eval import SahLM

torch.set_num_threads(1)  # the model is tiny, and the machine may be busy

TASKS = Path(__file__).parent / "tasks"
NAMES = ["needle_generate", "needle_choice", "needle_likelihood", "needle_rolling"]

FULL = [{"kind": "causal"}]
WINDOW: list[dict[str, Any]] = [{"kind": "sink", "size": 4}, {"kind": "local", "window": 16}]
ORACLE = [*WINDOW, {"kind": "oracle_top_k", "budget": 0.1}]

Make = Callable[..., SahLM]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make ``--model sah`` of the embedded model from a list of maskers (None: dense) and lm_eval's options."""

    def make(maskers: list[dict[str, Any]] | None = None, /, *, options: Any = None, **sections: Any) -> SahLM:
        attention = {} if maskers is None else {"attention": {"maskers": maskers}}
        config = tmp_path / "run.yaml"
        config.write_text(json.dumps({"version": 1, "model": "needle", **attention, **sections}), encoding="utf-8")
        return SahLM(config=str(config), device="cpu", **(options or {}))

    return make


@cache
def _own(**options: Any) -> Any:
    return HFLM(pretrained=str(model_folder(ModelConfig(name="needle"))), device="cpu", **options)


@pytest.fixture
def own() -> Callable[..., Any]:
    """lm_eval's own model, from the same folder."""
    return _own


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tasks find their data beside them; data sets are cached in a folder of this run."""
    monkeypatch.chdir(TASKS)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path_factory.getbasetemp() / "datasets"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@cache
def _manager() -> Any:
    return TaskManager(include_path=str(TASKS), include_defaults=False)


def loaded(names: list[str]) -> Any:
    """These tests' tasks, each made anew."""
    manager = _manager()
    return manager.load(names) if hasattr(manager, "load") else get_task_dict(names, manager)  # before lm_eval 0.4.12


def scored(prompt: str, continuation: str, *, task: str = "asked", **doc: Any) -> Instance:
    """A request for a log-likelihood."""
    return Instance("loglikelihood", doc, (prompt, continuation), 0, (task, 0, 1))


def asked(prompt: str, *, task: str = "asked", doc: dict[str, Any] | None = None, **options: Any) -> Instance:
    """A request for an answer."""
    return Instance(
        "generate_until", doc or {}, (prompt, {"until": [], "do_sample": False, **options}), 0, (task, 0, 1)
    )


def rolled(text: str, *, task: str = "asked") -> Instance:
    """A request for the log-likelihood of a text."""
    return Instance("loglikelihood_rolling", {}, (text,), 0, (task, 0, 1))
