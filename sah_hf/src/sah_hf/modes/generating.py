"""`Generation`: what one call of ``model.generate`` was asked to do, which its forwards alone do not tell.

A prompt may come in chunks, or with a draft of the answer behind it: where it ends, only the call knows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import define
from torch import Tensor
from transformers import __version__

from sah_hf.errors import GenerationError

__all__ = ["Generation", "current_generation", "generating"]


@define(eq=False)
class Generation:
    """One call of a model's ``generate``.

    ``prompt``: how many columns its prompt has; ``whole``: whether that is all that the model is to see, what a filled
    cache holds included. ``beams``: into how many rows beam search expands each of the prompt's;
    1 without. ``cache`` is the KV cache that its first forward was given; in the first ``common`` columns of that one
    all beams of a row are alike.
    """

    model: Any
    prompt: int
    whole: bool
    beams: int
    cache: Any = None
    common: int = 0

    def meet(self, cache: Any, filled: int, end: int) -> None:
        """A forward of the model is given this cache, with so many columns filled, to fill it up to column ``end``."""
        if self.cache is not None:
            return
        if self.whole and filled and end - filled >= self.prompt:
            raise GenerationError(
                f"generate would read all {self.prompt} tokens of its prompt once more, behind the {filled} columns "
                f"that its cache holds; transformers {__version__} does so with drafts (assistant_model, "
                "prompt_lookup_num_tokens): leave past_key_values out"
            )
        self.cache, self.common = cache, filled or self.prompt


_generations: ContextVar[tuple[Generation, ...]] = ContextVar("sah_generations", default=())


def current_generation(model: Any) -> Generation | None:
    """The innermost call of this model's ``generate`` in this context."""
    return next((each for each in reversed(_generations.get()) if each.model is model), None)


@contextmanager
def generating(
    model: Any, generate: Callable[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Iterator[None]:
    """Within it, the current generation is the one that these arguments ask for."""
    names = inspect.signature(generate).parameters if args else ()
    given = {**dict(zip(names, args, strict=False)), **keywords}
    prompt, mask = _prompt(given), given.get("attention_mask")
    whole = not isinstance(mask, Tensor) or mask.shape[-1] == prompt
    before = _generations.set((*_generations.get(), Generation(model, prompt, whole, _beams(model, given))))
    try:
        yield
    finally:
        _generations.reset(before)


def _prompt(given: Mapping[str, Any]) -> int:
    for name in ("inputs_embeds", "input_ids", "inputs"):
        tokens = given.get(name)
        if isinstance(tokens, Tensor) and tokens.dim() > 1:
            return tokens.shape[1]
    return 1  # nothing given: transformers begins with the begin token


def _beams(model: Any, given: Mapping[str, Any]) -> int:
    configs = (given.get("generation_config"), getattr(model, "generation_config", None))
    found = (given.get("num_beams"), *(getattr(config, "num_beams", None) for config in configs))
    return next((beams for beams in found if isinstance(beams, int)), 1)
