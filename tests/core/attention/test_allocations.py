"""What a decode step of the efficient backend allocates, tensor by tensor: never the keys, never all logits.

There are 4099 keys, of which the step brings the last one, in 257 pages: both are prime, so a tensor whose size is a
multiple of one of them is laid out over all keys, or over all pages.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from attrs import frozen
from benchmarks.calls.calibrations import random_calibrations
from benchmarks.calls.call import Call, Heads
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sah_core import AttentionState, EfficientAttention

pytestmark = pytest.mark.skipif(find_spec("sah_masker_quest") is None, reason="sah-core is tested without its plugins")

KEYS, PAGES = 4099, 257
HEADS = Heads(query=32, kv=8, width=128)

CHAINS: dict[str, tuple[dict[str, Any], ...]] = {
    "sink + local": ({"kind": "sink", "size": 100}, {"kind": "local", "window": 101}),
    "quest": ({"kind": "sink"}, {"kind": "local"}, {"kind": "quest", "budget": 82}),
    "pqcache": ({"kind": "sink"}, {"kind": "local"}, {"kind": "pqcache", "budget": 82}),
    "hashattention": ({"kind": "sink"}, {"kind": "local"}, {"kind": "hashattention", "budget": 82}),
    "double_sparsity": ({"kind": "sink"}, {"kind": "local"}, {"kind": "double_sparsity", "budget": 82}),
    "double_sparsity, online": (
        {"kind": "sink"},
        {"kind": "local"},
        {"kind": "double_sparsity", "budget": 82, "channels": "online"},
    ),
    "random": ({"kind": "sink"}, {"kind": "local"}, {"kind": "random", "rate": 0.02}),
    "magicpig": ({"kind": "sink"}, {"kind": "local"}, {"kind": "magicpig", "tables": 20}),
    "vattention": (
        {"kind": "sink"},
        {"kind": "local"},
        {"kind": "pqcache", "budget": 82},
        {"kind": "vattention", "base_rate": 0.01, "epsilon": 0.3, "delta": 0.3},
    ),
}
BY_PAGE_OR_POSITION = ("sink + local", "quest")
SHAREABLE = ("quest", "pqcache", "hashattention", "double_sparsity", "double_sparsity, online", "random", "vattention")
CASES = [(name, shared) for name in CHAINS for shared in (False, True) if name in SHAREABLE or not shared]


class Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class is not typed
    """Every tensor that an operation makes in memory of its own; views and operands are none of them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.made: list[tuple[str, tuple[int, ...], torch.dtype]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = {place(each) for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)}
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, Tensor) and place(each) not in given:
                self.made.append((str(func), tuple(each.shape), each.dtype))
        return result


def place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def numel(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def over(shape: tuple[int, ...], units: int) -> bool:
    """Whether some dimension goes over all units, or over all of them and one more, as padding has it."""
    return any(size > 0 and (size % units == 0 or size % (units + 1) == 0) for size in shape)


@frozen
class Step:
    made: list[tuple[str, tuple[int, ...], torch.dtype]]
    density: float


@pytest.fixture(scope="module")
def decode(reader: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool, torch.dtype], Step]:
    """What the second of two equal decode steps made; the first one built the indexes."""
    found = random_calibrations(tmp_path_factory.mktemp("calibrations"), HEADS)
    learned = {"hashattention": {"weights": found.weights}, "double_sparsity": {"channels": found.channels}}

    @cache
    def step(name: str, shared: bool, dtype: torch.dtype) -> Step:
        *first, last = CHAINS[name]
        last = {**last, **learned.get(name, {}), **({"share_kv_group": shared} if name in SHAREABLE else {})}
        call = Call.peaked(KEYS - 1, dtype, HEADS)
        state = AttentionState(context_length=call.context)
        attention = EfficientAttention.from_config({"kind": "efficient", "maskers": [*first, last]})
        attention(call.inputs(state))
        with Recording() as recording:
            output = attention(call.inputs(state))
        assert output.path == reader  # all logits are allowed where so many keys are attended that dense is cheaper
        return Step(recording.made, output.mask.density())

    return step


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "shared"), CASES)
def test_no_copy_of_keys_or_values_is_made(
    name: str, shared: bool, dtype: torch.dtype, decode: Callable[[str, bool, torch.dtype], Step]
) -> None:
    """No tensor has as many entries as the keys."""
    step = decode(name, shared, dtype)
    assert step.density < 0.1
    assert [each for each in step.made if numel(each[1]) >= HEADS.kv * KEYS * HEADS.width] == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "shared"), CASES)
def test_one_score_a_unit_and_selecting_row_at_most(
    name: str, shared: bool, dtype: torch.dtype, decode: Callable[[str, bool, torch.dtype], Step]
) -> None:
    """A floating tensor over all keys, or all pages, has one entry for each and a selecting row at most.

    A page is ranked by the largest bound of its group's query heads, so Quest has theirs also where they share.
    """
    rows = HEADS.kv if shared and name != "quest" else HEADS.query
    units = PAGES if name == "quest" else KEYS
    too_many = [
        each
        for each in decode(name, shared, dtype).made
        if each[2].is_floating_point and over(each[1], units) and numel(each[1]) > rows * (units + 1)
    ]
    assert too_many == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "shared"), [case for case in CASES if case[0] in BY_PAGE_OR_POSITION])
def test_positions_and_pages_need_nothing_a_key(
    name: str, shared: bool, dtype: torch.dtype, decode: Callable[[str, bool, torch.dtype], Step]
) -> None:
    """Sink, window and Quest make no tensor over all keys, of any dtype."""
    made = decode(name, shared, dtype).made
    assert [each for each in made if over(each[1], KEYS)] == []


def test_a_copy_of_the_keys_would_be_seen() -> None:
    """The recording tells a copy from a view."""
    keys = torch.zeros(1, 8, KEYS, 4)
    with Recording() as recording:
        keys.transpose(1, 2)
        keys[:, :, :10] += 1
    assert recording.made == []
    with Recording() as recording:
        keys.transpose(1, 2).contiguous()
    assert [shape for _, shape, _ in recording.made] == [(1, KEYS, 8, 4)]
    assert over((1, KEYS, 8, 4), KEYS)
    assert not over((1, 8, 100, 4), KEYS)
