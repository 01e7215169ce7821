"""The attention kernel: one part of a set's keys, for the queries that read the set."""

from __future__ import annotations

from .language import device_function, jit, tl
from .product import product

__all__ = ["attend"]


@jit(
    "bias_b",
    "bias_h",
    "bias_q",
    "heads",
    "rows",
    "sharing",
    "group",
    "spread",
    "entries",
    "columns",
    "split_width",
    "splits",
)
def attend(
    queries: tl.tensor,  # (b, hq, q, d)
    keys: tl.tensor,  # (b, hkv, k, d)
    values: tl.tensor,  # (b, hkv, k, dv)
    indices: tl.tensor,  # (r, m)
    valid: tl.tensor,  # uint8 (r, m), or None
    probs: tl.tensor,  # (r, m), or None
    shift: tl.tensor,  # (b,), or None
    bias: tl.tensor,  # (b, hq, q, k), or None
    maxima: tl.tensor,  # (r, n, splits): the largest logit of each part
    totals: tl.tensor,  # (r, n, splits): its sum of weights
    sums: tl.tensor,  # (r, n, splits, dv): its sum of weighted values
    queries_b: tl.tensor,  # strides: from one batch row of the queries to the next, and so on
    queries_h: tl.tensor,
    queries_q: tl.tensor,
    queries_d: tl.tensor,
    keys_b: tl.tensor,
    keys_h: tl.tensor,
    keys_k: tl.tensor,
    keys_d: tl.tensor,
    values_b: tl.tensor,
    values_h: tl.tensor,
    values_k: tl.tensor,
    values_d: tl.tensor,
    bias_b: tl.tensor,
    bias_h: tl.tensor,
    bias_q: tl.tensor,
    bias_k: tl.tensor,
    heads: tl.tensor,  # heads with sets of their own
    rows: tl.tensor,  # queries with sets of their own
    sharing: tl.tensor,  # of these heads, how many read one KV head
    group: tl.tensor,  # query heads that read one set
    spread: tl.tensor,  # queries of each of them that do
    entries: tl.tensor,  # m
    columns: tl.tensor,  # how many of the k columns hold keys
    split_width: tl.tensor,
    splits: tl.tensor,
    width: tl.tensor,  # d
    value_width: tl.tensor,  # dv
    scaling: tl.tensor,
    softcap: tl.tensor,
    page_size: tl.constexpr,  # keys an entry stands for
    capped: tl.constexpr,
    two_terms: tl.constexpr,  # of each weight, for values of 16 bits
    block_members: tl.constexpr,
    block_keys: tl.constexpr,
    block_width: tl.constexpr,
    block_value_width: tl.constexpr,
) -> None:
    """Program (set, part, block of members): a member is one of the n = group * spread queries that read the set.

    Weights are exp(s - maximum) / pi, as a running softmax over blocks of keys; all sums are float32. A logit that is
    NaN or infinite makes its query's sums NaN, so that it is found in the output.
    """
    # In 64 bits: strides times positions pass 2^31 in a long cache.
    number = tl.program_id(0).to(tl.int64)
    part = tl.program_id(1)
    row = number % rows
    head = number // rows % heads
    batch = number // rows // heads
    member = tl.program_id(2) * block_members + tl.arange(0, block_members).to(tl.int64)
    real = member < group * spread
    query_head = head * group + member // spread
    query = row + member % spread
    channel = tl.arange(0, block_width)
    value_channel = tl.arange(0, block_value_width)

    q = tl.load(
        queries + batch * queries_b + (query_head * queries_h + query * queries_q)[:, None] + channel * queries_d,
        mask=real[:, None] & (channel < width),
        other=0.0,
    )
    maximum = tl.full([block_members], float("-inf"), tl.float32)
    total = tl.zeros([block_members], tl.float32)
    summed = tl.zeros([block_members, block_value_width], tl.float32)
    keys += batch * keys_b + head // sharing * keys_h
    values += batch * values_b + head // sharing * values_h
    first_column = 0
    if shift is not None:
        first_column = -tl.load(shift + batch)

    last = tl.minimum((part + 1) * split_width, entries * page_size)
    for start in range(part * split_width, last, block_keys):
        slot = start + tl.arange(0, block_keys)
        place = number * entries + slot // page_size
        read = slot < last
        if valid is not None:
            read = read & (tl.load(valid + place, mask=read, other=0) != 0)
        column = tl.load(indices + place, mask=read, other=0).to(tl.int64) * page_size + slot % page_size + first_column
        read = read & (column >= 0) & (column < columns)
        k = tl.load(
            keys + column[:, None] * keys_k + channel * keys_d, mask=read[:, None] & (channel < width), other=0.0
        )
        v = tl.load(
            values + column[:, None] * values_k + value_channel * values_d,
            mask=read[:, None] & (value_channel < value_width),
            other=0.0,
        )
        logits = product(q, tl.trans(k), tl.zeros([block_members, block_keys], tl.float32)) * scaling
        if capped:
            logits = softcap * tanh(logits / softcap)
        if bias is not None:
            cell = (query_head * bias_h + query * bias_q)[:, None] + column * bias_k
            logits += tl.load(bias + batch * bias_b + cell, mask=real[:, None] & read, other=0.0).to(tl.float32)
        # exp(-inf) would pass over in silence what NaN shows.
        logits = tl.where(tl.abs(logits) < float("inf"), logits, float("nan"))
        if probs is not None:
            logits -= tl.log(tl.load(probs + place, mask=read, other=1.0).to(tl.float32))
        logits = tl.where(read, logits, float("-inf"))

        highest = tl.maximum(maximum, tl.max(logits, 1))
        # Before the first key that is read, there is no maximum to subtract.
        base = tl.where(highest == float("-inf"), 0.0, highest)
        weights = tl.exp(logits - base[:, None])
        fading = tl.exp(maximum - base)
        total = total * fading + tl.sum(weights, 1)
        summed = summed * fading[:, None]
        # What rounding a weight to the values' 8 or 11 bits loses goes in as a second term.
        rounded = weights.to(v.dtype)
        summed = product(rounded, v, summed)
        if two_terms:
            lost = (weights - rounded.to(tl.float32)).to(v.dtype)
            summed = product(lost, v, summed)
        maximum = highest

    out = (number * group * spread + member) * splits + part
    tl.store(maxima + out, maximum, mask=real)
    tl.store(totals + out, total, mask=real)
    tl.store(
        sums + out[:, None] * value_width + value_channel, summed, mask=real[:, None] & (value_channel < value_width)
    )


@device_function
def tanh(x: tl.tensor) -> tl.tensor:
    """Of every number; Triton's own is the GPU's alone, and the interpreter has none."""
    falling = tl.exp(-2.0 * tl.abs(x))
    size = (1.0 - falling) / (1.0 + falling)
    return tl.where(x < 0, -size, size)
