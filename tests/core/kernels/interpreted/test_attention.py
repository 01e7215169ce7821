"""Attention over lists of keys: what `masked_attention` gives in float64, for any lists, layouts and dtypes."""

from typing import Any

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, EmptyRowError, InputsError, Mask, masked_attention
from sah_core.attention.gathered import KeySets
from sah_core.kernels.attention import triton_attention
from sah_core.kernels.available import triton_refuses
from sah_core.kernels.launch import Launch, processors
from sah_core.testing.strategies import attention_inputs, masks

TOLERANCES = {torch.float32: 1e-5, torch.float16: 1e-5, torch.bfloat16: 1e-4}
"""Of outputs of size 1; those of 16 bits have products that float32 holds, and weights of two terms."""


def on_kernel(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The output in float32, (b, hq, q, dv)."""
    sets = KeySets.of(inputs, mask)
    return sets.to_heads(triton_attention(inputs, sets))


def in_float64(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The output by definition, from the same numbers."""
    given = ("queries", "keys", "values", "sinks", "attention_mask")
    tensors = {name: getattr(inputs, name) for name in given}
    wider = {
        name: tensor.double() for name, tensor in tensors.items() if tensor is not None and tensor.is_floating_point()
    }
    if "attention_mask" in wider:
        hidden = wider["attention_mask"] <= torch.finfo(tensors["attention_mask"].dtype).min / 2
        wider["attention_mask"] = wider["attention_mask"].masked_fill(hidden, -torch.inf)
    return masked_attention(attrs.evolve(inputs, **wider, shared={}), mask)


def drawn(
    b: int = 1, hq: int = 4, hkv: int = 2, q: int = 1, k: int = 90, d: int = 16, dv: int = 16, **options: Any
) -> AttentionInputs:
    """Inputs of normal numbers; ``dtype`` float32 unless given."""
    random = torch.Generator().manual_seed(0)
    dtype = options.pop("dtype", torch.float32)
    shapes = ((b, hq, q, d), (b, hkv, k, d), (b, hkv, k, dv))
    queries, keys, values = (torch.randn(shape, generator=random).to(dtype) for shape in shapes)
    return AttentionInputs(queries, keys, values, **options)


def some_keys(inputs: AttentionInputs, m: int, heads: int | None = None, rows: int = 1, **lists: Any) -> Mask:
    """``m`` keys for each of so many heads (the KV heads unless given) and rows; ``probs=True`` draws probabilities."""
    random = torch.Generator().manual_seed(1)
    b, _, _, k = inputs.shape
    stored = (b, inputs.kv_heads if heads is None else heads, rows)
    indices = torch.rand((*stored, k), generator=random).argsort(-1)[..., :m].sort(-1).values
    probs = torch.rand(indices.shape, generator=random) * 0.9 + 0.1 if lists.pop("probs", False) else None
    return Mask.from_indices(inputs.shape, indices, probs, **lists)


@settings(max_examples=25)
@given(st.data())
def test_it_is_masked_attention(data: st.DataObject) -> None:
    """Of any mask and inputs: padding, biases, sinks, softcap, ties, rows that see nothing, shared rows, weights."""
    inputs = data.draw(attention_inputs())
    mask = data.draw(masks(inputs.shape))
    try:
        expected = in_float64(inputs, mask)
    except EmptyRowError:
        mask = mask | Mask.from_dense(inputs.visible.float().expand(inputs.shape))
        expected = in_float64(inputs, mask)
    logits = inputs.logits[inputs.logits.isfinite()]
    largest = float(logits.abs().max()) if logits.numel() else 0.0
    torch.testing.assert_close(on_kernel(inputs, mask).double(), expected, rtol=1e-5, atol=1e-6 * (10 + largest))


@pytest.mark.parametrize(
    ("sizes", "lists"),
    [
        ({"hq": 1, "hkv": 1}, {"m": 5}),
        ({"hq": 8, "hkv": 1}, {"m": 70}),
        ({"hq": 4, "hkv": 4}, {"m": 17}),
        ({"hq": 8, "hkv": 2}, {"m": 40, "heads": 4}),
        ({"hq": 8, "hkv": 2}, {"m": 40, "heads": 8}),
        ({"q": 3}, {"m": 33}),
        ({"q": 3}, {"m": 33, "rows": 3, "heads": 4, "probs": True}),
        ({"q": 20, "hkv": 1, "k": 40}, {"m": 20}),
        ({"d": 96, "dv": 64}, {"m": 70}),
        ({"d": 64, "dv": 128}, {"m": 70}),
        ({"d": 256, "dv": 256}, {"m": 40}),
        ({"sinks": torch.tensor([0.0, 3.0, -2.0, 8.0])}, {"m": 70}),
    ],
    ids=str,
)
def test_sizes(sizes: dict[str, Any], lists: dict[str, Any]) -> None:
    """Group sizes; lists for a KV head, a query head, or a query; more members than a block has; widths; sinks."""
    inputs = drawn(**sizes)
    mask = some_keys(inputs, **lists)
    torch.testing.assert_close(on_kernel(inputs, mask).double(), in_float64(inputs, mask), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("d", "dv"), [(64, 64), (96, 80), (128, 128)])
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_dtypes(dtype: torch.dtype, d: int, dv: int) -> None:
    """What float32 sums of the same numbers give; weights of 16 bits alone would be off by 1e-3."""
    inputs = drawn(b=2, q=2, d=d, dv=dv, dtype=dtype, scaling=0.2, softcap=2.0)
    mask = some_keys(inputs, 70, probs=True)
    atol = TOLERANCES[dtype]
    torch.testing.assert_close(on_kernel(inputs, mask).double(), in_float64(inputs, mask), rtol=0, atol=atol)


@pytest.mark.parametrize(("heads", "parts", "blocks"), [((4, 2), 5, 1), ((8, 8), 2, 2), ((16, 16), 1, 3)])
def test_parts_and_blocks(heads: tuple[int, int], parts: int, blocks: int) -> None:
    """Few sets are many parts of a block, many sets a part of many blocks; largest logits early, late, or in between.

    The last of the keys that are read have logits of about 20 more than the others, or the first, or the middle ones.
    """
    keys = 70 if parts == 5 else 150
    hq, hkv = heads
    inputs = drawn(hq=hq, hkv=hkv, k=200)
    launch = Launch.of(hkv, hq // hkv, keys, 16, 16, 4, processors(inputs.device))
    assert (launch.splits, launch.split_width // launch.block_keys) == (parts, blocks)
    mask = some_keys(inputs, keys)
    for loud in (slice(180, 200), slice(0, 20), slice(90, 110)):
        louder = inputs.keys.clone()
        louder[:, :, loud] += 5 * inputs.queries[:, :: hq // hkv]
        changed = attrs.evolve(inputs, keys=louder, shared={})
        torch.testing.assert_close(on_kernel(changed, mask).double(), in_float64(changed, mask), rtol=0, atol=2e-5)


def test_ragged_lists() -> None:
    """Lists of 60, 1, 33 and no keys at all, the last where the query sees none: zeros, sink or not."""
    visible = torch.ones(2, 4, 1, 90, dtype=torch.bool)
    visible[1, 2:] = False
    for sinks in (None, torch.zeros(4)):
        inputs = drawn(b=2, attention_mask=visible, sinks=sinks)
        mask = some_keys(inputs, 60, counts=torch.tensor([60, 1, 33, 0]).reshape(2, 2, 1))
        output = on_kernel(inputs, mask)
        torch.testing.assert_close(output.double(), in_float64(inputs, mask), rtol=0, atol=1e-5)
        assert not output[1, 2:].any()
        assert output[1, :2].any()


def test_a_mask_without_keys() -> None:
    """Where no query sees a key, lists are of no length; the output is zeros of the full shape."""
    inputs = drawn(b=2, attention_mask=torch.zeros(2, 1, 1, 90, dtype=torch.bool))
    sets = KeySets.of(inputs, Mask.empty(inputs.shape))
    assert sets.indices.shape[1] == 0
    output = sets.to_heads(triton_attention(inputs, sets))
    assert torch.equal(output, torch.zeros(2, 4, 1, 16))


@pytest.mark.parametrize("shape", [(1, 1, 3, 90), (2, 4, 3, 90), (2, 1, 1, 95)])
def test_additive_masks(shape: tuple[int, ...]) -> None:
    """A bias is added to the logits after the softcap, shared by heads or not, with more columns than keys or not."""
    bias = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    inputs = drawn(b=2, q=3, attention_mask=bias, softcap=2.0)
    mask = some_keys(inputs, 40, rows=3)
    torch.testing.assert_close(on_kernel(inputs, mask).double(), in_float64(inputs, mask), rtol=0, atol=1e-5)


@pytest.mark.parametrize("layout", ["cache", "heads last", "transposed", "every other", "expanded"])
def test_layouts(layout: str) -> None:
    """Keys, values and queries of any strides read as what they hold, and nothing is copied first."""
    inputs = drawn(b=2, q=2, dtype=torch.bfloat16)

    def laid(tensor: Tensor) -> Tensor:
        if layout == "cache":  # the first positions of a longer one
            return torch.cat([tensor, torch.full_like(tensor, torch.nan)], 2)[:, :, : tensor.shape[2]]
        if layout == "heads last":
            return tensor.transpose(1, 2).contiguous().transpose(1, 2)
        if layout == "transposed":
            return tensor.mT.contiguous().mT
        if layout == "every other":
            return tensor.repeat_interleave(2, -1)[..., ::2]
        return tensor[:1].expand_as(tensor)

    moved = attrs.evolve(
        inputs, queries=laid(inputs.queries), keys=laid(inputs.keys), values=laid(inputs.values), shared={}
    )
    assert not moved.keys.is_contiguous()
    mask = some_keys(inputs, 40)
    torch.testing.assert_close(on_kernel(moved, mask).double(), in_float64(moved, mask), rtol=0, atol=1e-4)


def test_weights_by_hand() -> None:
    """Logits 0 and log 3, the second drawn with pi = .5: (10 + 2 * 3 * 20) / (1 + 2 * 3) = 130/7."""
    keys = torch.tensor([0.0, 3.0, 1e9]).log().reshape(1, 1, 3, 1)
    values = torch.tensor([10.0, 20.0, 1e6]).reshape(1, 1, 3, 1)
    keys[0, 0, 0] = 0.0
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1), keys, values)
    mask = Mask.from_indices(inputs.shape, torch.tensor([[[[0, 1]]]]), torch.tensor([[[[1.0, 0.5]]]]))
    assert on_kernel(inputs, mask).item() == pytest.approx(130 / 7)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # the interpreter's NumPy, on the same numbers
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", ["keys", "values"])
def test_what_is_not_finite_is_seen_in_the_rows_that_read_it(bad: float, where: str) -> None:
    """A logit of -inf, which a softmax would pass over, too; a row that does not read it is as without it."""
    inputs = drawn(d=1, dtype=torch.bfloat16)
    inputs.queries.fill_(1.0)
    mask = Mask.from_indices(inputs.shape, torch.arange(40).reshape(1, 2, 1, 20))
    clean = on_kernel(inputs, mask)
    getattr(inputs, where)[:, :, 7] = bad  # read by the first KV head's queries
    output = on_kernel(inputs, mask)
    assert not output[:, :2].isfinite().any(-1).any() if where == "keys" else not output[:, :2].isfinite().any()
    assert torch.equal(output[:, 2:], clean[:, 2:])


def test_what_it_refuses() -> None:
    """Dropout, float64, mixed dtypes, gradients and wide heads have a reason each, and the call raises it."""
    refused = {
        "dropout": drawn(dropout=0.1),
        "float64": drawn(dtype=torch.float64),
        "not float32, float16, float32": attrs.evolve(drawn(), keys=drawn().keys.half(), shared={}),
        "gradient": attrs.evolve(drawn(), queries=drawn().queries.requires_grad_(), shared={}),
        "up to 256 channels, not 257": drawn(dv=257),
    }
    for word, inputs in refused.items():
        assert word in str(triton_refuses(inputs))
        sets = KeySets.of(inputs, Mask.full(inputs.shape))
        with pytest.raises(InputsError, match=word):
            triton_attention(inputs, sets)
    with torch.no_grad():
        assert triton_refuses(refused["gradient"]) is None
