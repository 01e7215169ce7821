"""Every kind of KV cache that ``generate`` can be asked for: sparse where it runs, else transformers' own error."""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from transformers import DynamicCache, EncoderDecoderCache, cache_utils

from sah_hf import ModelAdapterHF

from .generate import FULL, NEW, ORACLE, PAGES, generate

QUANTIZED = {"nbits": 4, "q_group_size": 16, "residual_length": 4}
KINDS: dict[str, dict[str, Any]] = {
    "dynamic": {"cache_implementation": "dynamic"},
    "static": {"cache_implementation": "static"},
    "quanto": {"cache_implementation": "quantized", "cache_config": {"backend": "quanto", **QUANTIZED}},
    "fp8": {"cache_implementation": "quantized", "cache_config": {"backend": "fp8"}},
}


@pytest.fixture(autouse=True)
def without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quanto unpacks without its C++, as compiling that would take a minute."""

    def unpack(packed: torch.Tensor, bits: int) -> torch.Tensor:
        return torch.cat([packed >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)])

    if find_spec("optimum") is not None:
        from optimum.quanto.library.extensions import cpp  # type: ignore[import-untyped]  # quanto ships no types

        monkeypatch.setattr(cpp.ext, "_lib", SimpleNamespace(unpack=unpack))


def options_of(kind: str) -> dict[str, Any]:
    """What ``generate`` is to be given; skips where the kind is not to be had."""
    if kind == "quanto" and find_spec("optimum") is None:
        pytest.skip("optimum-quanto is not installed")
    if kind == "fp8" and not hasattr(cache_utils, "Fp8QuantizedLayer"):
        pytest.skip("this transformers has no fp8 cache")
    return KINDS[kind]


EXACT = [
    (family, kind) for family in ("llama", "gemma2", "qwen3_next", "deepseek_v3") for kind in ("dynamic", "static")
]
ROUNDED = [(family, kind) for family in ("llama", "deepseek_v3") for kind in ("quanto", "fp8")]


@pytest.mark.parametrize(("family", "kind"), EXACT + ROUNDED)
def test_a_full_mask_is_dense_in_every_cache(family: str, kind: str, tokens: Any, backend: str) -> None:
    """The same cache filled by the model's own attention and by a mask that keeps everything gives the same tokens.

    What a quantized cache rounds, it rounds for both.
    """
    model, ids, options = build_model(family), tokens(24, batch=2), options_of(kind)
    if (family, kind) == ("deepseek_v3", "static") and not hasattr(cache_utils.StaticLayer, "get_max_length"):
        pytest.skip("in transformers 4.57 a static cache's values are as wide as its keys")
    dense = generate(model, ids, **options)
    with ModelAdapterHF(model, {**FULL, "kind": backend}).enable_sparse_mode() as mode:
        assert generate(model, ids, **options) == dense
    assert mode.sparse_forwards == NEW - 1


@pytest.mark.parametrize("family", ["gemma2", "qwen3_next"])
def test_a_cache_that_transformers_refuses(family: str, tokens: Any) -> None:
    """A quantized cache holds full attention layers only: its sentence comes through, and the model goes on to work."""
    model, ids = build_model(family), tokens(24)
    adapter = ModelAdapterHF(model, ORACLE)
    with adapter.enable_sparse_mode():
        plain = generate(model, ids)
        with pytest.raises(ValueError, match="only full attention layers"):
            generate(model, ids, **options_of("fp8"))
        assert generate(model, ids) == plain


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [ORACLE, PAGES], ids=["oracle", "pages"])
def test_every_cache_can_be_sparse(llama: Any, kind: str, config: Any, tokens: Any) -> None:
    """In a cache of every kind rows generate what they do alone; an exact one gives what a dynamic one gives."""
    ids, options = tokens(24, batch=2), options_of(kind)
    adapter = ModelAdapterHF(llama, config)
    with adapter.enable_sparse_mode():
        together = generate(llama, ids, **options)
        if kind != "fp8":  # which has one scale for a whole tensor, and so for all rows
            assert together == [generate(llama, ids[row : row + 1], **options)[0] for row in (0, 1)]
        if kind in ("dynamic", "static"):
            assert together == generate(llama, ids)
        with adapter.enable_dense_mode():
            assert together != generate(llama, ids, **options)


@pytest.mark.parametrize("kind", ["offloaded", "offloaded_static"])
def test_an_offloaded_cache_needs_an_accelerator(llama: Any, kind: str, tokens: Any) -> None:
    """With one it gives what a dynamic cache gives; without, transformers' error comes through and nothing is left."""
    ids = tokens(24)
    adapter = ModelAdapterHF(llama, ORACLE)
    before = llama.config._attn_implementation
    with adapter.enable_sparse_mode():
        plain = generate(llama, ids)
        if torch.cuda.is_available():
            assert generate(llama, ids, cache_implementation=kind) == plain
        else:
            with pytest.raises((RuntimeError, AssertionError), match="CUDA"):
                generate(llama, ids, cache_implementation=kind)
        assert generate(llama, ids) == plain
    assert llama.config._attn_implementation == before


def test_a_cache_of_an_encoder_and_a_decoder(llama: Any, tokens: Any) -> None:
    """A model without encoder cannot use one: transformers' error comes through, and the model goes on to work."""
    ids = tokens(24)
    adapter = ModelAdapterHF(llama, ORACLE)
    with adapter.enable_sparse_mode():
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        with pytest.raises(AttributeError, match="EncoderDecoderCache"):
            generate(llama, ids, past_key_values=cache)
        assert len(generate(llama, ids)[0]) == NEW
