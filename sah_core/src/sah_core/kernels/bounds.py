"""The page-scoring kernel: Quest's bound of every page for every query."""

from __future__ import annotations

from .language import jit, tl
from .product import product

__all__ = ["bounds"]


@jit("kv_heads", "group", "spread", "pages")
def bounds(
    queries: tl.tensor,  # (b, hq, q, d)
    highest: tl.tensor,  # (b, hkv, pages, d)
    opposite: tl.tensor,  # (b, hkv, pages, d): the largest of -k
    output: tl.tensor,  # (b, hkv, n, pages)
    queries_b: tl.tensor,  # strides: from one batch row of the queries to the next, and so on
    queries_h: tl.tensor,
    queries_q: tl.tensor,
    queries_d: tl.tensor,
    highest_b: tl.tensor,
    highest_h: tl.tensor,
    highest_p: tl.tensor,
    highest_d: tl.tensor,
    opposite_b: tl.tensor,
    opposite_h: tl.tensor,
    opposite_p: tl.tensor,
    opposite_d: tl.tensor,
    kv_heads: tl.tensor,
    group: tl.tensor,  # query heads of a KV head
    spread: tl.tensor,  # q
    pages: tl.tensor,
    width: tl.tensor,  # d
    scaling: tl.tensor,
    block_members: tl.constexpr,
    block_pages: tl.constexpr,
    block_width: tl.constexpr,
) -> None:
    """Program (batch row and KV head, block of pages, block of members).

    A member is one of the n = group * spread queries of the KV head; each page is read once for all in a block.
    """
    number = tl.program_id(0).to(tl.int64)
    batch = number // kv_heads
    head = number % kv_heads
    page = tl.program_id(1) * block_pages + tl.arange(0, block_pages).to(tl.int64)
    member = tl.program_id(2) * block_members + tl.arange(0, block_members).to(tl.int64)
    channel = tl.arange(0, block_width)
    real = member < group * spread
    there = page < pages
    inside = channel < width

    places = ((head * group + member // spread) * queries_h + member % spread * queries_q)[:, None]
    q = tl.load(queries + batch * queries_b + places + channel * queries_d, mask=real[:, None] & inside, other=0.0)
    # In the order (channels, pages), as the product takes them.
    box = there & inside[:, None]
    high = tl.load(
        highest + batch * highest_b + head * highest_h + page * highest_p + (channel * highest_d)[:, None],
        mask=box,
        other=0.0,
    )
    low = tl.load(
        opposite + batch * opposite_b + head * opposite_h + page * opposite_p + (channel * opposite_d)[:, None],
        mask=box,
        other=0.0,
    )
    bound = tl.zeros([block_members, block_pages], tl.float32)
    bound = product(tl.maximum(q.to(tl.float32), 0.0).to(q.dtype), high, bound)
    bound = product(tl.maximum(-q.to(tl.float32), 0.0).to(q.dtype), low, bound)
    out = (number * group * spread + member)[:, None] * pages + page
    tl.store(output + out, bound * scaling, mask=real[:, None] & there)
