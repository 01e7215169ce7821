"""Sparse attention in lm-evaluation-harness."""

from __future__ import annotations
