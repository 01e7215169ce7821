"""A model's fingerprint: the same in every precision it may be loaded in, another for another model."""

import torch

from sah_hf.models.fingerprint import model_fingerprint

from .conftest import build_model


def test_it_depends_on_the_weights_alone() -> None:
    """Built again, or rounded to what bfloat16 holds, a model has its fingerprint; a changed weight gives another."""
    model = build_model("llama")
    first = model_fingerprint(model)
    assert (
        first == model_fingerprint(build_model("llama")) == model_fingerprint(build_model("llama").to(torch.bfloat16))
    )
    with torch.no_grad():
        next(model.parameters()).mul_(1.1)
    assert model_fingerprint(model) != first


def test_families_differ() -> None:
    """Names and shapes count, too."""
    assert model_fingerprint(build_model("llama")) != model_fingerprint(build_model("qwen3"))
