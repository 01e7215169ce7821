"""Nodes have what this machine has, or the user is told what differs, where, and which versions these are."""

from __future__ import annotations

import platform
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.cluster.installed import check_same, installed_here
from sah_core.errors import UsageError

HERE = {"python": "3.11.9", "sah-bench": "0.1.0", "torch": "2.9.0", "numba": ""}
VERSIONS = st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from(["", "1.0", "2.0"]), min_size=1)


def test_what_is_compared() -> None:
    """Python, the libraries that compute, and every distribution with a plugin that loads."""
    here = installed_here()
    assert here["python"] == platform.python_version()
    for name in ("sah-core", "sah-hf", "sah-bench", "torch", "transformers", "sah-masker-quest", "sah-model-needle"):
        assert here[name] == version(name)


def test_nodes_that_have_the_same_pass() -> None:
    """Beside it they may have anything; what is missing here may be missing there."""
    check_same(HERE, {"one": HERE, "other": {**HERE, "ray": "9"}, "third": {k: v for k, v in HERE.items() if v}})


def test_what_differs_is_named() -> None:
    """Node, package and both versions, whichever side lacks it."""
    there = {**HERE, "sah-bench": "0.0.9", "numba": "0.62.0"}
    del there["torch"]
    with pytest.raises(UsageError) as raised:
        check_same(HERE, {"same": HERE, "gpu7 (10.0.0.7:6379)": there})
    assert str(raised.value) == (
        "node gpu7 (10.0.0.7:6379) of the Ray cluster has other packages than this machine: sah-bench 0.0.9 (0.1.0 "
        "here), torch is missing (2.9.0 here), numba 0.62.0 (missing here); install the same everywhere, as answers "
        "may differ"
    )


@given(VERSIONS, VERSIONS)
def test_six_differences_are_named_and_the_others_counted(here: dict[str, str], there: dict[str, str]) -> None:
    """None without a difference; else the first six of them, and how many more there are."""
    different = [name for name in here if there.get(name, "") != here[name]]
    if not different:
        check_same(here, {"node": there})
        return
    with pytest.raises(UsageError) as raised:
        check_same(here, {"node": there})
    said = str(raised.value).partition(": ")[2].partition("; install")[0]
    named, _, more = said.partition(" and ")
    assert [each.split()[0] for each in named.split(", ")] == different[:6]
    assert more == (f"{len(different) - 6} more" if len(different) > 6 else "")
