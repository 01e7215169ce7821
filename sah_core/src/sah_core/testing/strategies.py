"""What to test with: masks in every representation, and inputs of every kind that a model hands over.

Structure is drawn (sizes, kept sets, representations, who is padded), so that a failure shrinks to a small one; the
values of tensors come from one drawn seed. Ties, huge magnitudes and finite biases are draws of their own.
"""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask, Shape

__all__ = ["attention_inputs", "mask_shapes", "masks"]

PROBABILITIES = (1.0, 0.5, 0.25, 0.1, 1e-6)


def mask_shapes(max_keys: int = 8) -> st.SearchStrategy[Shape]:
    """Shapes (b, h, q, k) with few of each."""
    return st.tuples(st.integers(1, 2), st.sampled_from([1, 2, 4, 6]), st.integers(1, 3), st.integers(1, max_keys))


@st.composite
def masks(
    draw: st.DrawFn,
    /,
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    probabilities: tuple[float, ...] = PROBABILITIES,
    representations: tuple[str, ...] = ("index", "dense", "empty", "full"),
) -> Mask:
    """A mask of this shape, or of any: empty, full, dense or index, stored with as few rows as may be."""
    shape = draw(mask_shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    representation = draw(st.sampled_from(representations))
    if representation == "empty":
        return Mask.empty(shape)
    if representation == "full":
        return Mask.full(shape)
    batch, heads, queries, keys = shape
    stored = (
        draw(st.sampled_from(sorted({1, batch}))),
        draw(st.sampled_from([n for n in range(1, heads + 1) if heads % n == 0])),
        draw(st.sampled_from(sorted({1, queries}))),
    )
    cells = st.dictionaries(st.integers(0, keys - 1), st.sampled_from(probabilities))
    rows = [draw(cells) for _ in range(stored[0] * stored[1] * stored[2])]
    if representation == "dense":
        probs = torch.tensor([[row.get(key, 0.0) for key in range(keys)] for row in rows], device="cpu")
        return Mask.from_dense(probs.reshape(*stored, keys), shape)
    width = max(len(row) for row in rows) + draw(st.integers(0, 2))
    indices = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], dtype=torch.int64, device="cpu")
    probs = torch.tensor([[*row.values(), *[0.0] * (width - len(row))] for row in rows], device="cpu")
    counts = torch.tensor([len(row) for row in rows], dtype=torch.int64, device="cpu").reshape(stored)
    certain = all(prob == 1 for row in rows for prob in row.values()) and draw(st.booleans())
    return Mask.from_indices(
        shape, indices.reshape(*stored, width), None if certain else probs.reshape(*stored, width), counts
    )


@st.composite
def attention_inputs(
    draw: st.DrawFn,
    /,
    max_keys: int = 12,
    dtype: torch.dtype = torch.float32,
    masks: tuple[str, ...] = ("none", "causal", "causal_additive", "padded", "sliding", "holes", "biased"),
    *,
    min_keys: int = 1,
    head_dims: tuple[int, ...] = (1, 2, 4),
    heads: tuple[int, int] | None = None,
    layers: int = 1,
    **fixed: Any,
) -> AttentionInputs:
    """Inputs with q = 1 or more, grouped heads, different value width, and one of the ``masks``:

    none, causal (bool), causal_additive (the dtype's minimum), padded (causal behind left padding, declared or not),
    sliding (a window that has moved, with its key offset), holes (any keys hidden, -inf), biased (finite additive
    values). A row may see no key at all behind padding; elsewhere every row sees one.

    ``heads`` are the query and KV heads, drawn if None; the layer is one of the first ``layers``. ``fixed`` goes to
    AttentionInputs.
    """
    hq, hkv = draw(_grouped_heads()) if heads is None else heads
    b, k = draw(st.integers(1, 3)), draw(_few(min_keys, max_keys))
    q = draw(st.integers(1, min(3, k)))
    d, dv = draw(st.sampled_from(head_dims)), draw(st.sampled_from([1, 3]))
    random = torch.Generator(device="cpu").manual_seed(draw(st.integers(0, 2**16)))
    shapes = ((b, hq, q, d), (b, hkv, k, d), (b, hkv, k, dv))
    queries, keys, values = (torch.randn(s, generator=random, dtype=dtype, device="cpu") for s in shapes)
    scale = draw(st.sampled_from(["normal", "ties", "huge"]))
    if scale == "ties":
        queries, keys = queries.round().clamp(-1, 1), keys.round().clamp(-1, 1)
    elif scale == "huge":
        queries, keys = queries * 100, keys * 100
    kind = draw(st.sampled_from(masks))
    mask, offset = draw(_attention_masks(kind, b, q, k, dtype))
    options: dict[str, Any] = {"attention_mask": mask, "key_offset": offset, **fixed}
    if mask is not None and kind == "padded" and draw(st.booleans()):
        options.setdefault("padding", (~mask[:, 0, -1]).sum(-1))
    if layers > 1:
        options.setdefault("layer_idx", draw(st.integers(0, layers - 1)))
    if draw(st.booleans()):
        options.setdefault("softcap", 5.0)
    if draw(st.booleans()):
        options.setdefault("sinks", torch.randn(hq, generator=random, dtype=dtype, device="cpu"))
    return AttentionInputs(queries, keys, values, **options)


@st.composite
def _grouped_heads(draw: st.DrawFn) -> tuple[int, int]:
    hkv, group = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    return hkv * group, hkv


def _few(least: int, most: int) -> st.SearchStrategy[int]:
    """A few, or many."""
    return (
        st.integers(least, most) if most - least < 12 else st.integers(least, least + 7) | st.integers(least + 8, most)
    )


@st.composite
def _attention_masks(
    draw: st.DrawFn, kind: str, b: int, q: int, k: int, dtype: torch.dtype
) -> tuple[Tensor | None, int]:
    """An attention mask (b or 1, 1, q, k) of one kind, and the key offset that goes with it."""
    if kind == "none":
        return None, 0
    column = torch.arange(k, device="cpu")
    query = torch.arange(k - q, k, device="cpu").unsqueeze(-1)
    seen = (column <= query).expand(1, 1, q, k)
    lowest = torch.finfo(dtype).min
    if kind == "causal":
        return seen, 0
    if kind == "causal_additive":
        return torch.zeros(seen.shape, dtype=dtype, device="cpu").masked_fill(~seen, lowest), 0
    if kind == "padded":
        pads = torch.tensor([draw(st.integers(0, k - 1)) for _ in range(b)], device="cpu").reshape(b, 1, 1, 1)
        return seen & (column >= pads), 0
    if kind == "sliding":
        window = draw(st.integers(1, k))
        return seen & (column > query - window), draw(st.integers(0, 20))
    if kind == "holes":
        hidden = torch.tensor([[draw(st.booleans()) for _ in range(k)] for _ in range(q)], device="cpu")
        hidden = hidden & (column != query)
        return torch.zeros((1, 1, q, k), dtype=dtype, device="cpu").masked_fill(~seen | hidden, -torch.inf), 0
    bias = draw(st.sampled_from([-3.0, 0.5, -50.0]))
    slope = torch.linspace(bias, 0, k, dtype=dtype, device="cpu").expand(1, 1, q, k)
    return slope.masked_fill(~seen, lowest), 0
