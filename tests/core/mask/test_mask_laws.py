"""Laws of Mask: what holds for every mask, however it is stored."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_core import Mask
from sah_core.testing import mask_shapes, masks

pytestmark = pytest.mark.usefixtures("reader")

pairs = mask_shapes().flatmap(lambda shape: st.tuples(masks(shape), masks(shape)))
triples = mask_shapes().flatmap(lambda shape: st.tuples(masks(shape), masks(shape), masks(shape)))


def in_index(mask: Mask) -> Mask:
    """The same mask, made from its indices: what to_indices gives is what from_indices takes."""
    return Mask.from_indices(mask.shape, *mask.to_indices())


@given(masks())
def test_both_representations_hold_the_same_mask(mask: Mask) -> None:
    """A mask rebuilt from its dense or its index form is equal to it, and so is each form's density."""
    dense = Mask.from_dense(mask.to_dense())
    index = in_index(mask)
    assert (dense.representation, index.representation) == ("dense", "index")
    assert mask == dense == index == mask
    assert torch.equal(index.to_dense(), mask.to_dense())
    assert mask.density() == dense.density() == index.density()


@given(pairs)
def test_union_is_the_pointwise_maximum(pair: tuple[Mask, Mask]) -> None:
    """At each key the union has the larger probability, in every pair of representations."""
    a, b = pair
    expected = torch.maximum(a.to_dense(), b.to_dense())
    for one in (a, in_index(a), Mask.from_dense(a.to_dense())):
        for two in (b, in_index(b), Mask.from_dense(b.to_dense())):
            assert torch.equal((one | two).to_dense(), expected)


@given(triples)
def test_union_is_a_lattice_join(triple: tuple[Mask, Mask, Mask]) -> None:
    """Commutative, associative, idempotent; empty is neutral, full absorbs, and each operand is below the union."""
    a, b, c = triple
    empty, full = Mask.empty(a.shape), Mask.full(a.shape)
    assert a | b == b | a
    assert (a | b) | c == a | (b | c)
    assert a | a == a
    assert a | empty == a
    assert a | full == full
    assert a <= a | b
    assert b <= a | b


@given(triples)
def test_order_is_a_partial_order_that_agrees_with_union(triple: tuple[Mask, Mask, Mask]) -> None:
    """a <= b exactly where every probability is; exactly where a | b == b; transitive; between empty and full."""
    a, b, c = triple
    assert (a <= b) == bool((a.to_dense() <= b.to_dense()).all())
    assert (a <= b) == (a | b == b)
    assert (a == b) == (a <= b and b <= a) == torch.equal(a.to_dense(), b.to_dense())
    low, high = a, a | b
    assert low <= high | c
    assert Mask.empty(a.shape) <= a <= Mask.full(a.shape)


@given(pairs)
def test_no_operation_changes_its_operands(pair: tuple[Mask, Mask]) -> None:
    """Operands are the same before and after; what is handed out can be written to without reaching a mask."""
    a, b = pair
    before = a.to_dense(), b.to_dense()
    _ = a | b, a <= b, a == b, a.promote(), a.certain(), a.density(), a[0], a.restrict(b.to_dense() > 0)
    a.to_dense().fill_(7)
    for part in a.to_indices():
        part.fill_(7)
    for part in a.to_csr():
        part.fill_(7)
    assert torch.equal(a.to_dense(), before[0])
    assert torch.equal(b.to_dense(), before[1])


@given(masks())
def test_promote_and_certain(mask: Mask) -> None:
    """Promoting makes exactly the attended keys certain; the certain keys are those with probability one."""
    dense = mask.to_dense()
    assert torch.equal(mask.promote().to_dense(), (dense > 0).float())
    assert torch.equal(mask.certain().to_dense(), (dense == 1).float())
    assert mask.certain() <= mask <= mask.promote() == mask.promote().promote()


@given(pairs)
def test_counting_over_visible_cells(pair: tuple[Mask, Mask]) -> None:
    """attended and density count cells with pi > 0 that are visible, over the visible ones."""
    mask, other = pair
    visible = other.to_dense() > 0
    attended = (mask.to_dense() > 0) & visible
    assert torch.equal(mask.attended(visible), attended.sum(-1))
    assert torch.equal(mask.attended(), (mask.to_dense() > 0).sum(-1))
    assert mask.density(visible) == (int(attended.sum()) / int(visible.sum()) if visible.any() else 0.0)
    assert torch.equal(mask.restrict(visible).to_dense(), mask.to_dense() * visible)


@given(masks(), st.data())
def test_visible_may_broadcast(mask: Mask, data: st.DataObject) -> None:
    """A visible tensor with fewer rows or one column counts like its expansion."""
    sizes = [data.draw(st.sampled_from(sorted({1, size}))) for size in mask.shape]
    cells = data.draw(st.lists(st.booleans(), min_size=torch.Size(sizes).numel(), max_size=torch.Size(sizes).numel()))
    visible = torch.tensor(cells).reshape(sizes)
    whole = visible.expand(mask.shape)
    assert mask.density(visible) == mask.density(whole)
    assert mask.restrict(visible) == mask.restrict(whole)


@given(masks(), st.data())
def test_selecting_rows(mask: Mask, data: st.DataObject) -> None:
    """Slicing by batch, head and query selects those rows of the dense form; an int keeps its dimension."""
    batch, heads, queries, _ = mask.shape
    head = data.draw(st.integers(-heads, heads - 1))
    first = data.draw(st.integers(0, queries - 1))
    dense = mask.to_dense()
    chosen = mask[batch - 1, head, first:]
    assert torch.equal(chosen.to_dense(), dense[batch - 1 :, head : head + 1 or None, first:])
    assert mask[:] == mask


@given(masks())
def test_csr_holds_every_row(mask: Mask) -> None:
    """The CSR form, and torch's own, give back the dense form, one row a query."""
    indptr, indices, probs = mask.to_csr()
    dense = mask.to_dense().reshape(-1, mask.shape[3])
    assert indptr[-1] == indices.numel() == probs.numel() == (dense > 0).sum()
    assert torch.equal(mask.to_sparse_csr().to_dense(), dense)


@given(masks())
def test_index_rows_are_sorted_and_padded_past_the_end(mask: Mask) -> None:
    """to_indices gives increasing keys, then padding: one past the last key, with probability 0."""
    indices, probs, counts = mask.to_indices()
    inside = torch.arange(indices.shape[-1]) < counts.unsqueeze(-1)
    increasing = indices[..., 1:] > indices[..., :-1]
    assert bool((increasing | ~inside[..., 1:]).all())
    assert bool((indices[~inside] == mask.shape[3]).all())
    assert bool((probs[~inside] == 0).all())
    assert bool((probs[inside] > 0).all())
