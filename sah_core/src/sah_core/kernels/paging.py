"""Quest's bounds of pages, on the GPU."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.errors import InputsError

from .available import DTYPES, WIDEST, triton_missing
from .launch import OPTIONS, next_power, on

__all__ = ["page_bounds"]

SHARED = 2**14
"""Bytes of maxima, and as many of minima, in a block of pages: fits any GPU several times."""


def page_bounds(queries: Tensor, highest: Tensor, opposite: Tensor, scaling: float = 1.0) -> Tensor:
    """The largest product that a key of each page could have with each query, (b, hq, q, pages) float32.

        U_p = relu(scaling q) . highest_p + relu(-scaling q) . opposite_p

    for queries (b, hq, q, d) and the largest k and -k of each channel in each page, (b, hkv, pages, d) each, all in one
    dtype of float32, bfloat16 and float16. Sums are float32, and are scaled last; each page is read once for the query
    heads of its KV head. Raises InputsError for tensors that do not fit together, or where Triton cannot run.
    Source: Tang et al. 2024, arXiv:2406.10774, figure 5.
    """
    _check(queries, highest, opposite)
    from .bounds import bounds

    if scaling < 0:
        queries, scaling = -queries, -scaling
    b, hq, q, width = queries.shape
    kv_heads, pages = highest.shape[1:3]
    output = queries.new_empty((b, hq, q, pages), dtype=torch.float32)
    if not pages:
        return output
    group = hq // kv_heads
    block_members = min(next_power(group * q, 16), 64)
    block_width = next_power(width, 16)
    block_pages = max(16, min(64, SHARED // (queries.element_size() * block_width)))
    with on(queries.device):
        bounds[b * kv_heads, -(-pages // block_pages), -(-group * q // block_members)](
            queries,
            highest,
            opposite,
            output,
            *queries.stride(),
            *highest.stride(),
            *opposite.stride(),
            kv_heads,
            group,
            q,
            pages,
            width,
            scaling,
            block_members=block_members,
            block_pages=block_pages,
            block_width=block_width,
            **OPTIONS,
        )
    return output


def _check(queries: Tensor, highest: Tensor, opposite: Tensor) -> None:
    reason = triton_missing(queries.device)
    if reason is not None:
        raise InputsError(reason)
    b, hq, _, width = queries.shape
    fit = highest.shape == opposite.shape and (highest.shape[0], highest.shape[3]) == (b, width)
    if not fit or hq % highest.shape[1]:
        raise InputsError(
            f"queries {tuple(queries.shape)} do not fit page maxima {tuple(highest.shape)} of k and "
            f"{tuple(opposite.shape)} of -k: expected (b, hq, q, d) and twice (b, hkv, pages, d), hq a multiple of hkv"
        )
    if width > WIDEST:
        raise InputsError(f"the GPU kernels take heads of up to {WIDEST} channels, not {width}")
    dtypes = [tensor.dtype for tensor in (queries, highest, opposite)]
    if len(set(dtypes)) > 1 or dtypes[0] not in DTYPES:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        raise InputsError(f"the GPU kernels take queries and pages all in float32, bfloat16 or float16, not {names}")
