"""The text around the table of docs/models.md."""

from __future__ import annotations

__all__ = ["PAGE"]

PAGE = """\
# Model families

What `ModelAdapterHF` makes of every model type that transformers maps to a causal language model.
This page is written by the survey, which replaces the column of the transformers that is installed and keeps the
others:

```bash
python -m sah_hf.survey -o docs/models.md
```

Each type's default config is shrunk to a few narrow layers, at least one of each kind, with windows shorter than the
text that is read; the weights are random.
Grouped queries keep the default's ratio; where the default groups none, though it could, two query heads share a KV
head.

* **exact**: sparse attention that keeps every key gives the logits of the model's own eager attention, to 1e-5 of the
  largest, for a question and single tokens after a dense context, with both backends; and with a sink and a local
  window alone every attention layer is sparse. So many of the model's layers attend; the others are recurrent,
  convolutions, or feed forward. A number in brackets: in that case alone.
* **refused**: `ModelAdapterHF` raises `UnsupportedModelError` with the reason, and leaves the model as it was.
* **cannot run**: transformers, as installed, cannot build such a model from a shrunk config, or cannot run it itself.
* **wrong**: none of these. There should be none.

Attention is told from the calls of the newest version: heads (MHA, GQA, MQA; MLA: latents), the keys that a query sees
(a sliding window, chunks, the model's own selection), and what else its softmax has.

{counts}

## In wide use

{widely_used}

## All others

{others}

## Reasons and cases

{reasons}
"""
