"""The efficient backend by example: which way it goes, and what it refuses."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import pytest
import torch

from sah_core import (
    AttentionInputs,
    CompositionError,
    EfficientAttention,
    EmptyRowError,
    InputsError,
    Mask,
    NumericalError,
    ResearchAttention,
    UsageError,
)
from sah_core.attention.efficient import dense_is_cheaper
from sah_core.attention.gathered import gathered_attention
from sah_core.masker_config import MaskerConfig
from sah_core.maskers import PositionalMasker


class LastConfig(MaskerConfig):
    """Keep the last keys."""

    kind: Literal["last"] = "last"
    size: int = 4


class Last(PositionalMasker[LastConfig]):
    """[query - size, query]."""

    def spans(self, inputs: AttentionInputs) -> tuple[torch.Tensor, torch.Tensor]:
        stop = inputs.positions.unsqueeze(1) + 1
        return stop - self.config.size, stop


class PeekConfig(MaskerConfig):
    """Reads every logit."""

    needs_logits: ClassVar[bool] = True
    kind: Literal["peek"] = "peek"


class Peek(PositionalMasker[PeekConfig]):
    """[0, 1)."""

    def spans(self, inputs: AttentionInputs) -> tuple[torch.Tensor, torch.Tensor]:
        zero = torch.zeros((1, 1, 1), dtype=torch.int64)
        return zero, zero + 1


def decode(keys: int = 64, **options: object) -> AttentionInputs:
    """One query of 4 heads over 2 KV heads."""
    torch.manual_seed(1)
    q, k, v = (torch.randn(1, h, n, 8) for h, n in ((4, 1), (2, keys), (2, keys)))
    return AttentionInputs(q, k, v, **options)  # type: ignore[arg-type]  # options of any type


def test_by_hand() -> None:
    """Of logits 0, log 3 and 99 the first two are attended, the second drawn with pi = .5: (10 + 6 * 20) / 7."""
    keys = torch.tensor([0.0, math.log(3), 99.0]).reshape(1, 1, 3, 1)
    values = torch.tensor([10.0, 20.0, 1e6]).reshape(1, 1, 3, 1)
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1), keys, values)
    mask = Mask.from_indices(inputs.shape, torch.tensor([[[[0, 1]]]]), torch.tensor([[[[1.0, 0.5]]]]))
    assert gathered_attention(inputs, mask)[0].item() == pytest.approx(130 / 7)


def test_few_keys_are_gathered_and_many_are_not(reader: str) -> None:
    """The output says how it came about, and is the research backend's either way; a loop reads most as fast."""
    for size, path in ((4, reader), (60, {"gathered": "dense"}.get(reader, reader)), (64, "dense")):
        inputs = decode()
        found = EfficientAttention([Last(LastConfig(size=size))])(inputs)
        expected = ResearchAttention([Last(LastConfig(size=size))])(decode())
        assert (found.path, expected.path) == (path, "product")
        assert found.mask == expected.mask
        torch.testing.assert_close(found.output, expected.output)


class Thorough(Last):
    """Returns every probability."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        return Mask.from_dense(super().add_mask(inputs, previous).to_dense())


def test_a_mask_returned_dense_is_read_by_its_keys(reader: str) -> None:
    """How a masker stores its few keys does not make attention dense."""
    found = EfficientAttention([Thorough(LastConfig())])(decode())
    assert (found.path, found.mask.density()) == (reader, 4 / 64)
    torch.testing.assert_close(found.output, ResearchAttention([Last(LastConfig())])(decode()).output)


def test_keys_that_do_not_lie_in_rows_are_said(reader: str) -> None:
    """Channels apart in memory are gathered one by one, which takes longer: the path says so; slices do not."""
    inputs = decode()
    attention = EfficientAttention([Last(LastConfig())])
    layouts = {
        "channels first": (inputs.keys.mT.contiguous().mT, "scattered"),
        "slice of a longer cache": (inputs.keys.repeat(1, 1, 2, 1)[:, :, :64], reader),
        "beside something else": (torch.nn.functional.pad(inputs.keys, (3, 5))[..., 3:-5], reader),
    }
    for keys, path in layouts.values():
        moved = AttentionInputs(inputs.queries, keys, inputs.values)
        found = attention(moved)
        assert found.path == path
        torch.testing.assert_close(found.output, attention(inputs).output)


def test_rows_of_their_own_are_read_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """To torch a quarter of the keys in each of 4 rows a KV head is as many as there are; a shared quarter is not."""
    monkeypatch.setenv("SAH_COMPILED", "0")
    inputs = AttentionInputs(torch.ones(1, 8, 1, 8), torch.ones(1, 2, 64, 8), torch.ones(1, 2, 64, 8))
    seventeen = torch.arange(17)
    assert not dense_is_cheaper(inputs, Mask.from_indices(inputs.shape, seventeen.expand(1, 2, 1, 17)))
    assert dense_is_cheaper(inputs, Mask.from_indices(inputs.shape, seventeen.expand(1, 8, 1, 17)))


def test_a_masker_that_reads_every_logit_is_refused() -> None:
    """When the backend is built, before any tensor is seen."""
    with pytest.raises(CompositionError, match=r"maskers\[1\] \(peek\) reads the exact logits of all keys"):
        EfficientAttention([Last(LastConfig()), Peek(PeekConfig())])


def test_there_are_no_weights_to_give() -> None:
    """Weights over all keys belong to the research backend."""
    with pytest.raises(UsageError, match="use kind: research for output_attentions"):
        EfficientAttention([Last(LastConfig())])(decode(), need_weights=True)


def test_the_seed_of_the_config_is_added() -> None:
    """As in the research backend."""
    assert EfficientAttention([Last(LastConfig())], seed=3)._seeded(decode(seed=4)).seed == 7


def test_a_row_without_keys_is_named() -> None:
    """Layer, batch row, head and query; a query that sees nothing gets zeros instead."""
    inputs = decode(layer_idx=5)
    counts = torch.tensor([[[2], [2], [0], [2]]])
    mask = Mask.from_indices(inputs.shape, torch.tensor([0, 1]).expand(1, 4, 1, 2), counts=counts)
    with pytest.raises(EmptyRowError, match="layer 5, batch row 0, query head 2, query 0: the query sees keys"):
        gathered_attention(inputs, mask)
    blind = decode(attention_mask=torch.zeros(1, 1, 1, 64, dtype=torch.bool))
    assert bool((gathered_attention(blind, Mask.empty(blind.shape))[0] == 0).all())


def test_a_broken_attended_key_is_named() -> None:
    """NaN in a key that is attended to is found in its logit, in a value in the output."""
    inputs = decode()
    mask = Mask.from_indices(inputs.shape, torch.tensor([3, 7]).expand(1, 1, 1, 2))
    inputs.keys[0, 1, 7, 0] = torch.nan
    with pytest.raises(NumericalError, match="query head 2, query 0: the logit of an attended key is NaN or infinite"):
        gathered_attention(inputs, mask)
    inputs = decode()
    inputs.values[0, 1, 7, 0] = torch.inf
    with pytest.raises(NumericalError, match="query head 2, query 0: the attention output is NaN or infinite"):
        gathered_attention(inputs, mask)


def test_a_mask_of_another_shape_is_refused() -> None:
    """A mask for more keys than there are would read past their end."""
    with pytest.raises(InputsError, match=r"the mask has shape \(1, 4, 1, 65\); these inputs need \(1, 4, 1, 64\)"):
        gathered_attention(decode(), Mask.empty((1, 4, 1, 65)))


@pytest.mark.parametrize("backend", [ResearchAttention, EfficientAttention])
def test_layers_with_maskers_of_their_own(backend: type[ResearchAttention] | type[EfficientAttention]) -> None:
    """Layer 2 keeps one key, every other layer three: by the number in the inputs."""
    few, many = Last(LastConfig(size=1)), Last(LastConfig(size=3))
    attention = backend([many], overrides={2: [few]})
    kept = [int(attention(decode(layer_idx=layer)).mask.attended().max()) for layer in range(4)]
    assert kept == [3, 3, 1, 3]


def test_every_layers_maskers_are_checked() -> None:
    """What the efficient backend refuses it refuses in one layer, too."""
    with pytest.raises(CompositionError, match=r"maskers\[0\] \(peek\) reads the exact logits"):
        EfficientAttention([Last(LastConfig())], overrides={1: [Peek(PeekConfig())]})
