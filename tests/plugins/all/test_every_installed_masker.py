"""What must hold of every masker that is installed, with its default config."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_core import AttentionInputs, AttentionState, Mask, Masker, apply_maskers, create_masker, default_registry
from sah_core.testing import attention_inputs, masks

KINDS = default_registry().kinds

every_masker = pytest.mark.parametrize("kind", KINDS)


def test_the_published_plugins_are_installed() -> None:
    """The list below is not empty by accident."""
    assert {"sink", "local", "causal", "oracle_top_k", "oracle_top_p"} <= set(KINDS)


@every_masker
@given(inputs=attention_inputs(), data=st.data())
def test_it_obeys_the_rules_of_composition(kind: str, inputs: AttentionInputs, data: st.DataObject) -> None:
    """The fold's checks pass on any previous mask; what is new is visible; nothing given is written to."""
    masker = create_masker({"kind": kind})
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    before = previous.to_dense()
    tensors = [inputs.queries.clone(), inputs.keys.clone(), inputs.values.clone()]
    after = apply_maskers([masker], inputs, previous)
    assert after == after.restrict(inputs.visible)
    assert torch.equal(previous.to_dense(), before)
    for one, two in zip(tensors, (inputs.queries, inputs.keys, inputs.values), strict=True):
        assert torch.equal(one, two)
    if not masker.config.sampling:
        changed = after.to_dense() != before
        assert bool((after.to_dense()[changed] == 1).all())


@every_masker
@given(inputs=attention_inputs(), data=st.data())
def test_dense_and_index_masks_before_it_give_the_same(kind: str, inputs: AttentionInputs, data: st.DataObject) -> None:
    """How the previous mask is stored does not matter; and the same call again gives the same mask."""
    masker = create_masker({"kind": kind})
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    dense = Mask.from_dense(previous.to_dense())
    assert masker.add_mask(inputs, previous) == masker.add_mask(inputs, dense) == masker.add_mask(inputs, previous)


@every_masker
@given(inputs=attention_inputs(masks=("none", "causal", "padded", "sliding", "biased")), data=st.data())
def test_no_batch_row_influences_another(kind: str, inputs: AttentionInputs, data: st.DataObject) -> None:
    """A row of the batch alone gets the mask it gets in the batch."""
    row = data.draw(st.integers(0, inputs.shape[0] - 1))
    mask = inputs.attention_mask
    alone = AttentionInputs(
        inputs.queries[row : row + 1],
        inputs.keys[row : row + 1],
        inputs.values[row : row + 1],
        mask if mask is None or mask.shape[0] == 1 else mask[row : row + 1],
        key_offset=inputs.key_offset,
        softcap=inputs.softcap,
        row_ids=[row],
    )
    masker = create_masker({"kind": kind})
    together = masker.add_mask(inputs, Mask.empty(inputs.shape))
    assert together[row] == masker.add_mask(alone, Mask.empty(alone.shape))


@every_masker
@given(inputs=attention_inputs(masks=("causal", "padded", "sliding")))
def test_it_makes_no_tensor_on_another_device(kind: str, inputs: AttentionInputs) -> None:
    """With torch's default device set to meta, everything still happens where the data is."""
    with torch.device("meta"):
        mask = create_masker({"kind": kind}).add_mask(inputs, Mask.empty(inputs.shape))
        assert mask.to_dense(inputs.device).device == inputs.device


@every_masker
def test_one_masker_serves_every_thread_and_survives_pickling(kind: str) -> None:
    """Eight threads with states of their own get what one gets; a pickled masker is the same masker."""
    masker: Masker = create_masker({"kind": kind})
    torch.manual_seed(0)
    calls = [
        AttentionInputs(*_parts(seed), layer_idx=seed % 3, state=AttentionState(16), seed=seed) for seed in range(24)
    ]

    def asked(inputs: AttentionInputs) -> Mask:
        return masker.add_mask(inputs, Mask.empty(inputs.shape))

    single = [asked(inputs) for inputs in calls]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked, calls)) == single
    copy: Masker = pickle.loads(pickle.dumps(masker))
    assert copy.config == masker.config
    assert copy.add_mask(calls[0], Mask.empty(calls[0].shape)) == single[0]


def _parts(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return (
        torch.randn(1, 4, 1, 8, generator=random),
        torch.randn(1, 2, 20, 8, generator=random),
        torch.randn(1, 2, 20, 8, generator=random),
    )
