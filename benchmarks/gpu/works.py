"""One decode step on a GPU, in every way that is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import attrs
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.calls.call import Heads
from sah_core import AttentionInputs
from sah_core.kernels.attention import triton_attention
from sah_core.kernels.paging import page_bounds
from sah_core.kernels.sets import PageSets

__all__ = ["PAGE", "Work", "decode_works"]

PAGE = 16


@attrs.frozen(eq=False)
class Work:
    """One way of doing a step."""

    name: str
    call: Callable[[], Tensor]
    nbytes: int
    """Of keys, values, pages and lists that have to be read."""
    expected: Tensor
    """What the call gives, in float64."""
    dense: bool = False
    """Whether all keys are read: what the others are compared with."""

    def error(self) -> float:
        """The largest difference between an entry of the output and what is expected."""
        return float((self.call().double().reshape(self.expected.shape) - self.expected).abs().max())


def decode_works(context: int, density: float, heads: Heads, dtype: torch.dtype, device: torch.device) -> list[Work]:
    """Dense attention in several ways; attention over a share of the keys, listed by key and by page; page scores.

    Which keys are read is drawn at random, whole pages for page lists.
    """
    random = torch.Generator(device).manual_seed(0)

    def normal(count: int, length: int) -> Tensor:
        return torch.randn((1, count, length, heads.width), generator=random, device=device).to(dtype)

    inputs = AttentionInputs(normal(heads.query, 1), normal(heads.kv, context), normal(heads.kv, context))
    works = list(_dense(inputs))
    few = max(1, round(density * context))
    for name, lists in (("a KV head", heads.kv), ("a query head", heads.query)):
        works.append(_listed(inputs, f"keys listed for {name}", lists, few, 1, random))
    works.append(_listed(inputs, "pages listed for a KV head", heads.kv, -(-few // PAGE), PAGE, random))
    works.append(_scored(inputs))
    return works


def _dense(inputs: AttentionInputs) -> Iterator[Work]:
    """Flash attention with grouped heads; with the group as the queries of its KV head; FlashInfer, where it is."""
    q, k, v = inputs.queries, inputs.keys, inputs.values
    nbytes = k.nbytes + v.nbytes
    everything = torch.arange(k.shape[2], device=q.device).expand(k.shape[1], -1)
    expected = _expected(inputs, everything)

    def flash(queries: Tensor, *, grouped: bool) -> Tensor:
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return scaled_dot_product_attention(queries, k, v, enable_gqa=grouped)

    yield Work("SDPA flash, grouped heads", partial(flash, q, grouped=True), nbytes, expected, dense=True)
    folded = q.reshape(1, k.shape[1], -1, q.shape[3])
    yield Work("SDPA flash, group as queries", partial(flash, folded, grouped=False), nbytes, expected, dense=True)
    if q.device.type == "cuda" and find_spec("flashinfer") is not None:
        decode = import_module("flashinfer").single_decode_with_kv_cache
        call = partial(decode, q[0, :, 0], k[0], v[0], kv_layout="HND")
        yield Work("FlashInfer", call, nbytes, expected, dense=True)


def _listed(inputs: AttentionInputs, name: str, lists: int, entries: int, size: int, random: torch.Generator) -> Work:
    """Attention over so many entries of ``size`` keys for each of ``lists`` heads."""
    keys = inputs.shape[3]
    order = torch.rand((lists, keys // size), generator=random, device=inputs.device).argsort(-1)
    indices = order[:, :entries].sort(-1).values
    sets = PageSets((1, inputs.queries.shape[1], 1), lists, 1, indices, size, keys)  # a key is a page of one
    read = (indices.unsqueeze(-1) * size + torch.arange(size, device=inputs.device)).flatten(1)
    row_bytes = inputs.keys.shape[3] * inputs.keys.element_size()
    nbytes = indices.nbytes + 2 * read.numel() * row_bytes
    return Work(name, partial(triton_attention, inputs, sets), nbytes, _expected(inputs, read))


def _scored(inputs: AttentionInputs) -> Work:
    """Quest's bounds of all pages."""
    kv_heads, width = inputs.kv_heads, inputs.keys.shape[3]
    keys = inputs.keys[:, :, : inputs.shape[3] // PAGE * PAGE].reshape(1, kv_heads, -1, PAGE, width)
    highest, lowest = keys.amax(3), keys.amin(3)
    q = inputs.queries.double().reshape(1, kv_heads, -1, width)
    expected = q.relu() @ highest.double().mT - (-q).relu() @ lowest.double().mT
    call = partial(page_bounds, inputs.queries, highest, -lowest)
    return Work(f"scores of pages of {PAGE}", call, highest.nbytes + lowest.nbytes, expected)


def _expected(inputs: AttentionInputs, read: Tensor) -> Tensor:
    """Attention over the keys ``read`` (lists, m) in float64, (hq, dv); a KV head at a time."""
    kv_heads, width = inputs.kv_heads, inputs.keys.shape[3]
    lists = len(read) // kv_heads
    queries = inputs.queries.double().reshape(kv_heads, lists, -1, width)
    outputs = []
    for head, indices in enumerate(read.reshape(kv_heads, lists, -1)):
        keys, values = inputs.keys[0, head][indices].double(), inputs.values[0, head][indices].double()
        weights = (queries[head] @ keys.mT * width**-0.5).softmax(-1)
        outputs.append((weights @ values).flatten(0, 1))
    return torch.cat(outputs)
