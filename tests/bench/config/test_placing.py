"""Where workers are: what the command line says on top of a config, and what a config may say of a Ray cluster."""

from __future__ import annotations

from typing import Any

import pytest

from sah_bench.config.load import load_bench
from sah_bench.config.placing import placing
from sah_bench.config.sections import RayConfig, WorkersConfig
from sah_bench.config.where import Where
from sah_core.errors import ConfigError, UsageError

CONFIG = WorkersConfig(devices=("cpu",), threads=1, ray=RayConfig(address="auto", workers=3))
BENCH: dict[str, Any] = {
    "version": 1,
    "models": ["needle"],
    "attention": ["dense"],
    "tasks": ["needle"],
    "lengths": [64],
}


def ray(**settings: Any) -> RayConfig:
    """As a config's ``workers.ray``."""
    return load_bench({**BENCH, "workers": {"ray": settings}}).workers.ray


@pytest.mark.parametrize("where", list(Where))
def test_without_options_a_config_stays_as_it_is(where: Where) -> None:
    """Its devices are for one executor and its address for the other."""
    assert placing(CONFIG, (), where, None) == CONFIG


def test_options_go_before_the_config() -> None:
    """Devices on this machine, the address of a cluster; nothing else is changed."""
    local = placing(CONFIG, ["cuda:0", "cuda:1"], Where.local, None)
    assert local == CONFIG.model_copy(update={"devices": ("cuda:0", "cuda:1")})
    there = placing(CONFIG, (), Where.ray, "10.0.0.1:6379")
    assert there == CONFIG.model_copy(update={"ray": RayConfig(address="10.0.0.1:6379", workers=3)})


def test_options_of_the_other_executor_are_refused() -> None:
    """In a sentence that says which one, and what to do."""
    with pytest.raises(UsageError) as address:
        placing(CONFIG, (), Where.local, "10.0.0.1:6379")
    assert str(address.value) == (
        "--address 10.0.0.1:6379 is a Ray cluster's: give --executor ray too, or leave it out"
    )
    with pytest.raises(UsageError, match=r"^--device cuda:0 is for processes on this machine; on a Ray cluster, "):
        placing(CONFIG, ["cuda:0"], Where.ray, None)


def test_what_is_taken_without_a_word() -> None:
    """A CPU for each worker, as many workers as there is room for, on a cluster of this run's own."""
    assert ray() == RayConfig(
        address=None, workers="auto", cpus=1.0, gpus=0.0, memory=None, accelerator=None, shared="auto", patience=300.0
    )


def test_a_worker_may_take_parts() -> None:
    """Of a GPU and of CPUs, or none of these; whole numbers will do."""
    part = ray(gpus=0.25, cpus=0, memory=16, workers=8, shared=False, accelerator="H100", patience=5)
    assert (part.gpus, part.cpus, part.memory, part.workers) == (0.25, 0, 16, 8)
    assert (part.shared, part.accelerator, part.patience) == (False, "H100", 5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workers", 0),
        ("workers", "many"),
        ("workers", 1.5),
        ("cpus", -1),
        ("gpus", 2),
        ("gpus", -0.5),
        ("memory", 0),
        ("shared", "perhaps"),
        ("patience", 0),
        ("address", ""),
        ("accelerator", ""),
        ("nodes", 2),
    ],
)
def test_what_no_cluster_can_give_is_named(field: str, value: object) -> None:
    """With its place in the config."""
    with pytest.raises(ConfigError, match=rf"workers\.ray(\.{field}|: .*{field})"):
        ray(**{field: value})
