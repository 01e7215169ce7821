"""Scores of several parts: the score of a set is the geometric mean of the parts' means, as SCROLLS defines ROUGE."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["shares"]


def shares(parts: Mapping[int, tuple[float, ...]]) -> dict[int, float]:
    """What every sample adds to the score of all: values whose mean is the geometric mean of the parts' means.

    With k parts of means m_j, of all samples, and g = (m_1 ... m_k)^(1/k), sample i has::

        y_i = g / k  *  sum_j x_ij / m_j

    Their mean is g, and as y_i - g is the derivative of g, their standard error is that of g (delta method), and the
    mean of two cells' differences is the difference of their scores. With one part y_i is x_i. A share may be more
    than 1 where a sample is far better than the others; where a part's mean is 0 all are 0.
    """
    if not parts:
        return {}
    columns = list(zip(*parts.values(), strict=True))
    if len(columns) == 1:
        return {sample: values[0] for sample, values in parts.items()}
    means = [math.fsum(column) / len(column) for column in columns]
    if min(means) == 0:
        return dict.fromkeys(parts, 0.0)
    score = math.prod(means) ** (1 / len(means))
    return {
        sample: score / len(means) * math.fsum(value / mean for value, mean in zip(values, means, strict=True))
        for sample, values in parts.items()
    }
