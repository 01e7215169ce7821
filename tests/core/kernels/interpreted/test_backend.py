"""The efficient backend takes the kernel where it can run, and goes on without it where it cannot."""

from typing import Literal

import attrs
import pytest
import torch
from torch import Tensor

from sah_core import AttentionInputs, EfficientAttention, MaskerConfig, NumericalError, PositionalMasker


class LastConfig(MaskerConfig):
    """Keep the last keys."""

    kind: Literal["last"] = "last"


class Last(PositionalMasker[LastConfig]):
    """(query - 5, query]."""

    def spans(self, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        stop = inputs.positions.unsqueeze(1) + 1
        return stop - 5, stop


@pytest.fixture(autouse=True)
def without_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel is compared with is torch's own gathering."""
    monkeypatch.setenv("SAH_COMPILED", "0")


def call(dtype: torch.dtype = torch.float32) -> AttentionInputs:
    """Two queries of 4 heads over 40 keys of 2 KV heads."""
    random = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, h, n, 16, generator=random).to(dtype) for h, n in ((4, 2), (2, 40), (2, 40)))
    return AttentionInputs(q, k, v, torch.ones(1, 1, 2, 40, dtype=torch.bool).tril(38))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_the_kernel_gives_what_gathering_gives(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, tolerance: float
) -> None:
    """The same output, by another path, and the output says by which."""
    attention = EfficientAttention([Last(LastConfig())])
    by_kernel = attention(call(dtype))
    monkeypatch.delenv("TRITON_INTERPRET")
    gathered = attention(call(dtype))
    assert (by_kernel.path, gathered.path) == ("triton", "gathered")
    assert by_kernel.output.dtype == dtype
    torch.testing.assert_close(by_kernel.output, gathered.output, rtol=tolerance, atol=tolerance)


def test_what_the_kernel_does_not_take_is_gathered() -> None:
    """Double precision and dropout are not the kernel's: the call goes on without it."""
    attention = EfficientAttention([Last(LastConfig())])
    assert attention(call(torch.float64)).path == "gathered"
    assert attention(attrs.evolve(call(), dropout=0.5)).path == "gathered"


def test_a_broken_key_is_named() -> None:
    """NaN in an attended key reaches the output, and the row is named; in another it has no influence."""
    attention = EfficientAttention([Last(LastConfig())])
    inputs = call()
    inputs.keys[0, 1, 38, 0] = torch.nan
    with pytest.raises(NumericalError, match="query head 2, query 0: the logit or value of an attended key"):
        attention(inputs)
    inputs = call()
    inputs.keys[0, 1, 20, 0] = torch.nan
    assert bool(attention(inputs).output.isfinite().all())
