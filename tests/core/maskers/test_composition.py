"""The rules by which one mask follows another, and the fold that checks them."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, CompositionError, Mask, MaskerConfig, apply_maskers
from sah_core.config import CompositionWarning
from sah_core.testing import attention_inputs, masks


def three(tensors: Iterable[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values."""
    queries, keys, values = tensors
    return queries, keys, values


class AnyConfig(MaskerConfig):
    """A masker that does what the test says."""

    kind: Literal["any"] = "any"


class SamplerConfig(AnyConfig):
    """The same, and says that it samples."""

    sampling: ClassVar[bool] = True


class RefinerConfig(AnyConfig):
    """The same, and says that it refines."""

    refines: ClassVar[bool] = True


class Returns:
    """Returns one mask, whatever came before, and remembers what it was given."""

    def __init__(self, config: MaskerConfig, mask: object) -> None:
        self.config = config
        self.mask = mask
        self.given: list[tuple[int, Mask]] = []

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The mask."""
        self.given.append((inputs.masker_position, previous))
        return self.mask  # type: ignore[return-value]  # a mistake is what some tests make


def plain() -> AttentionInputs:
    return AttentionInputs(*three(torch.ones(1, 2, n, 4) for n in (1, 3, 3)))


@given(attention_inputs(), st.data())
def test_the_fold_hands_each_masker_the_mask_so_far(inputs: AttentionInputs, data: st.DataObject) -> None:
    """Each masker sees its place in the list and what the one before it returned; the last mask is the result."""
    a = data.draw(masks(inputs.shape))
    b = a | data.draw(masks(inputs.shape))
    first, second = Returns(AnyConfig(), a), Returns(AnyConfig(), b)
    assert apply_maskers([first, second], inputs) == b
    assert first.given == [(0, Mask.empty(inputs.shape))]
    assert second.given == [(1, a)]
    assert apply_maskers([], inputs, a) == a


@given(attention_inputs(), st.data())
def test_only_a_refining_masker_may_lower_a_probability(inputs: AttentionInputs, data: st.DataObject) -> None:
    """previous <= new is checked for every masker that does not refine."""
    before, after = data.draw(masks(inputs.shape)), data.draw(masks(inputs.shape))
    assert apply_maskers([Returns(RefinerConfig(), after)], inputs, before) == after
    if before <= after:
        assert apply_maskers([Returns(AnyConfig(), after)], inputs, before) == after
    else:
        with pytest.raises(CompositionError, match=r"masker 0 \(any\) removed entries or lowered a probability"):
            apply_maskers([Returns(AnyConfig(), after)], inputs, before)


def test_what_a_masker_returns_is_checked() -> None:
    """Something else than a mask, or a mask of another shape, names the masker; so does a wrong previous mask."""
    inputs = plain()
    with pytest.raises(CompositionError, match=r"masker 0 \(any\) returned Tensor; expected a Mask"):
        apply_maskers([Returns(AnyConfig(), torch.ones(1))], inputs)
    with pytest.raises(CompositionError, match=r"masker 0 \(any\) returned a mask of shape \(1, 2, 1, 4\)"):
        apply_maskers([Returns(AnyConfig(), Mask.full((1, 2, 1, 4)))], inputs)
    with pytest.raises(CompositionError, match="the previous mask has shape"):
        apply_maskers([], inputs, Mask.full((1, 2, 1, 4)))


def test_the_order_of_a_list_is_checked_before_it_runs() -> None:
    """A refiner after the last sampler is an error, a sampler after a sampler a warning."""
    inputs, full = plain(), Mask.full((1, 2, 1, 3))
    sampler, refiner = Returns(SamplerConfig(), full), Returns(RefinerConfig(), full)
    with pytest.raises(CompositionError, match="biases the output"):
        apply_maskers([sampler, refiner], inputs)
    assert sampler.given == []
    with pytest.warns(CompositionWarning, match="more variance|less variance"):
        assert apply_maskers([sampler, refiner, sampler], inputs) == full
