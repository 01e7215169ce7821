"""Mask by hand: numbers a reader can check, and each refusal with its sentence."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch

from sah_core import Mask, MaskError

SHAPE = (1, 2, 1, 4)


def test_union_by_hand() -> None:
    """{0: 1, 2: .5} with {2: .25, 3: .1} is {0: 1, 2: .5, 3: .1}."""
    a = Mask.from_indices((1, 1, 1, 4), torch.tensor([[[[2, 0]]]]), torch.tensor([[[[0.5, 1.0]]]]))
    b = Mask.from_indices((1, 1, 1, 4), torch.tensor([[[[2, 3]]]]), torch.tensor([[[[0.25, 0.1]]]]))
    indices, probs, counts = (a | b).to_indices()
    assert indices.tolist() == [[[[0, 2, 3]]]]
    assert probs.tolist() == [[[[1.0, 0.5, pytest.approx(0.1)]]]]
    assert counts.tolist() == [[[3]]]


def test_one_stored_row_serves_every_row() -> None:
    """A sink of two keys for 2 x 8 heads x 3 queries stores two numbers and has density 2/16."""
    mask = Mask.from_indices((2, 8, 3, 16), torch.tensor([[[[0, 1]]]]))
    assert mask.index_rows().indices.numel() == 2
    assert mask.density() == 2 / 16
    assert mask.to_dense().sum() == 2 * 8 * 3 * 2


def test_a_stored_head_serves_the_consecutive_heads_of_its_group() -> None:
    """Two stored heads over four: heads 0 and 1 read the first, 2 and 3 the second; a union keeps the finer sharing."""
    mask = Mask.from_indices((1, 4, 1, 3), torch.tensor([[[[0]], [[2]]]]))
    assert mask.to_dense()[0, :, 0].tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]
    wider = mask | Mask.from_indices((1, 4, 1, 3), torch.tensor([[[[1]]]]))
    assert wider.index_rows().rows == (1, 2, 1)


def test_empty_means_empty_and_full_means_full() -> None:
    """Both store nothing, have no device, and equal the masks that say the same cell by cell."""
    empty, full = Mask.empty(SHAPE), Mask.full(SHAPE)
    assert (empty.density(), full.density()) == (0.0, 1.0)
    assert empty.device is full.device is None
    assert empty == Mask.from_dense(torch.zeros(SHAPE))
    assert full == Mask.from_dense(torch.ones(SHAPE))
    assert empty != full
    assert full.to_indices()[0][0, 1, 0].tolist() == [0, 1, 2, 3]


def test_the_callers_tensors_are_copied() -> None:
    """Writing to the tensors a mask was made from does not change it."""
    probs = torch.ones(SHAPE)
    indices, counts = torch.tensor([[[[0, 1]]]]), torch.tensor([[[2]]])
    dense, index = Mask.from_dense(probs), Mask.from_indices(SHAPE, indices, counts=counts)
    probs.zero_(), indices.fill_(3), counts.zero_()
    assert dense == Mask.full(SHAPE)
    assert index.to_dense()[0, 0, 0].tolist() == [1, 1, 0, 0]


def test_a_mask_is_a_value() -> None:
    """It shows what it is, cannot be assigned to, is not hashable, and survives copying and pickling."""
    mask = Mask.from_indices(SHAPE, torch.tensor([[[[1]]]]), torch.tensor([[[[0.5]]]]))
    assert repr(mask) == "Mask(shape=(1, 2, 1, 4), density=0.25, index)"
    assert repr(Mask.full(SHAPE)) == "Mask(shape=(1, 2, 1, 4), density=1, full)"
    assert mask != "mask"
    assert mask != Mask.empty((1, 2, 1, 5))
    with pytest.raises(AttributeError):
        mask.shape = (1, 1, 1, 1)  # type: ignore[misc]  # the refusal is what is tested
    with pytest.raises(TypeError, match="unhashable"):
        hash(mask)
    assert copy.deepcopy(mask) == pickle.loads(pickle.dumps(mask)) == mask


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Mask.empty((1, 2, 3)), "four positive sizes"),  # type: ignore[arg-type]  # a user's mistake
        (lambda: Mask.full((1, 0, 1, 4)), r"not \(1, 0, 1, 4\)"),
        (lambda: Mask.from_dense(torch.ones(2, 1, 4)), r"not \(2, 1, 4\)"),
        (lambda: Mask.from_dense([[1.0]]), "probs should be a torch tensor, not list"),  # type: ignore[arg-type]  # same
        (lambda: Mask.from_dense(torch.full(SHAPE, 1.5)), r"probability 1.5 is outside \[0, 1\]"),
        (lambda: Mask.from_dense(torch.full(SHAPE, torch.nan)), r"probability nan is outside \[0, 1\]"),
        (lambda: Mask.from_dense(torch.ones(SHAPE, dtype=torch.int64)), "expected a floating dtype or bool"),
        (lambda: Mask.from_dense(torch.ones(1, 3, 1, 4), SHAPE), "heads a divisor of 2"),
        (lambda: Mask.from_indices(SHAPE, torch.tensor([[[[4]]]])), "index 4 is out of range; expected 0 to 3"),
        (lambda: Mask.from_indices(SHAPE, torch.tensor([[[[-1]]]])), "index -1 is out of range"),
        (lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1, 1]]]])), "index 1 stands twice in a row"),
        (lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1.0]]]])), "indices has dtype torch.float32"),
        (lambda: Mask.from_indices(SHAPE, torch.tensor([[[1]]])), r"indices has shape \(1, 1, 1\)"),
        (
            lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1]]]]), torch.tensor([[[[0.0]]]])),
            r"probability 0 is outside \(0, 1\]",
        ),
        (
            lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1]]]]), torch.tensor([[[[1e-60]]]], dtype=torch.float64)),
            r"probability 1e-60 is outside \(0, 1\]",
        ),
        (
            lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1]]]]), torch.tensor([[[0.5]]])),
            r"probs has shape \(1, 1, 1\)",
        ),
        (
            lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1]]]]), counts=torch.tensor([[[2]]])),
            "a count is 2; expected 0 to 1",
        ),
        (
            lambda: Mask.from_indices(SHAPE, torch.tensor([[[[1]]]]), counts=torch.tensor([[2]])),
            r"counts has shape \(1, 1\); expected \(1, 1, 1\)",
        ),
        (lambda: Mask.empty(SHAPE) | Mask.empty((1, 2, 1, 5)), r"'\|' needs two masks of the same shape"),
        (lambda: Mask.empty(SHAPE) <= Mask.empty((1, 2, 1, 5)), "'<=' needs two masks of the same shape"),
        (lambda: Mask.full(SHAPE).density(torch.ones(SHAPE)), "visible has shape .* expected bool"),
        (lambda: Mask.full(SHAPE).density(torch.ones(1, 3, 1, 4).bool()), "broadcastable to"),
        (lambda: Mask.full(SHAPE)[0, 2], "head 2 is out of range for a mask with 2"),
        (lambda: Mask.full(SHAPE)[0, 0, 0, 0], "not by 4 keys"),
    ],
)
def test_what_is_no_mask_is_refused_with_a_sentence(make: Callable[[], object], sentence: str) -> None:
    """Each mistake names what was given and what was expected."""
    with pytest.raises(MaskError, match=sentence):
        make()
