"""A connection to a Ray cluster: one that is running, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ray as typed_ray

from sah_bench.config.sections import RayConfig
from sah_core.errors import UsageError

from .ctrl_c import deferred_ctrl_c
from .installed import check_same, installed_here

__all__ = ["connected"]

ray: Any = typed_ray  # whose functions have types in parts only

_SECONDS_TO_REACH = 10.0
"""That whoever listens at an address is given to answer."""
_SECONDS = 60.0
"""That the nodes are given to say what is installed on them."""


@contextmanager
def connected(config: RayConfig) -> Iterator[None]:
    """Be connected to a cluster whose nodes have the packages of this machine.

    A connection that this process has already is used, and left open. Raises UsageError where the cluster is out of
    reach, or a node has other versions.
    """
    opened = not ray.is_initialized()
    try:
        if opened:
            with deferred_ctrl_c():  # which Ray does not survive while it starts
                _open(config)
        here = installed_here()
        check_same(here, _installed_there(list(here)))
        yield
    finally:
        if opened:
            ray.shutdown()


def _open(config: RayConfig) -> None:
    if config.address is not None:
        _reach(config.address)
    logging.getLogger("ray").setLevel(logging.ERROR)  # Ray's own remarks, such as how it protects a cluster
    quiet = {"log_to_driver": False, "configure_logging": False}
    try:
        if config.address is None:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_worker_niceness", "0")  # else workers yield to whatever else runs here
            ray.init(address="local", include_dashboard=False, **quiet)  # else Ray looks for a running one
        else:
            ray.init(address=config.address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError, ImportError) as error:
        if config.address is not None:
            raise _unreachable(config.address, error) from error
        raise UsageError(f"Ray cannot be started on this machine: {' '.join(str(error).split())}") from error


def _reach(address: str) -> None:
    """Raise UsageError where nobody listens at an address, for which Ray itself would look for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # a word, such as auto, which Ray knows
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_REACH).close()
    except OSError as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> UsageError:
    return UsageError(
        f"the Ray cluster at {address!r} cannot be reached: {' '.join(str(error).split())}; --address takes auto or "
        "HOST:6379 on a machine of the cluster, ray://HOST:10001 from outside (which needs ray[client]), and without "
        "it a cluster is started here"
    )


def _installed_there(names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """By the address of the node."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def told(
        names: list[str],
    ) -> dict[str, str]:  # travels as it is, so that it runs where nothing of ours is installed
        import platform
        from importlib.metadata import PackageNotFoundError, version

        found = {"python": platform.python_version()}
        for name in names:
            try:
                found.setdefault(name, version(name))
            except PackageNotFoundError:
                found[name] = ""
        return found

    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(told).options(num_cpus=0, scheduling_strategy=there, max_retries=0)
            name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}:{node['NodeManagerPort']})"
            asked[name] = task.remote([name for name in names if name != "python"])
    try:
        return dict(zip(asked, ray.get(list(asked.values()), timeout=_SECONDS), strict=True))
    except ray.exceptions.RayError as error:
        said = str(error).partition("\n")[0]
        raise UsageError(
            f"the nodes of the Ray cluster do not say within {_SECONDS:g} s what they have: {said}"
        ) from error
