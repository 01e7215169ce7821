"""The second kernel of attention: the parts of each row, put together."""

from __future__ import annotations

from .language import jit, tl

__all__ = ["merge"]


@jit("heads", "rows", "group", "spread", "splits")
def merge(
    maxima: tl.tensor,  # (r * n, splits)
    totals: tl.tensor,  # (r * n, splits)
    sums: tl.tensor,  # (r * n, splits, dv)
    sinks: tl.tensor,  # (hq,), or None
    output: tl.tensor,  # (r * n, dv)
    heads: tl.tensor,  # as in `attend`
    rows: tl.tensor,
    group: tl.tensor,
    spread: tl.tensor,
    splits: tl.tensor,
    value_width: tl.tensor,
    block_splits: tl.constexpr,
    block_value_width: tl.constexpr,
) -> None:
    """Program (row, block of channels): sums over parts, each weighed by exp(its maximum - the largest of all)."""
    number = tl.program_id(0).to(tl.int64)
    part = tl.arange(0, block_splits)
    channel = tl.program_id(1) * block_value_width + tl.arange(0, block_value_width)
    real = part < splits
    maximum = tl.load(maxima + number * splits + part, mask=real, other=float("-inf"))
    total = tl.load(totals + number * splits + part, mask=real, other=0.0)
    summed = tl.load(
        sums + (number * splits + part)[:, None] * value_width + channel,
        mask=real[:, None] & (channel < value_width),
        other=0.0,
    )
    highest = tl.max(maximum, 0)
    if sinks is not None:
        member = number % (group * spread)
        query_head = number // (group * spread) // rows % heads * group + member // spread
        sink = tl.load(sinks + query_head).to(tl.float32)
        highest = tl.maximum(highest, sink)
    base = tl.where(highest == float("-inf"), 0.0, highest)
    share = tl.exp(maximum - base)
    denominator = tl.sum(total * share, 0)
    if sinks is not None:
        denominator += tl.exp(sink - base)
    # A row without keys has sums of 0, and with them the zeros it should; NaN stays NaN.
    denominator = tl.where(denominator == 0.0, 1.0, denominator)
    average = tl.sum(summed * share[:, None], 0) / denominator
    tl.store(output + number * value_width + channel, average, mask=channel < value_width)
