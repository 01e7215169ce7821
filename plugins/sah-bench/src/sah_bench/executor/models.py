"""`KeptModel`: the model that was loaded last, kept for the next cells that ask it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from attrs import define, field

from sah_core.config import ModelConfig
from sah_hf.models.loading import LoadedModel, load_model

from .contexts import KeptContexts
from .fitting import FittedContext

__all__ = ["KeptModel", "ReadyModel"]


@define(eq=False)
class ReadyModel:
    """A model, its tokenizer, the contexts that it has read, and those of the last table as they fit it."""

    model: Any
    tokenizer: Any
    device: str
    contexts: KeptContexts
    warm: set[Hashable] = field(factory=set)
    """The kinds of attention that were used on it."""
    _fitted: tuple[Hashable, Mapping[str, FittedContext]] | None = None

    @property
    def positions(self) -> int | None:
        """How many tokens it takes; None where there is no end."""
        limit: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return limit

    def fitted(self, key: Hashable, fit: Callable[[], Mapping[str, FittedContext]]) -> Mapping[str, FittedContext]:
        """The contexts of the table with this key, fitted now unless it was the last one."""
        if self._fitted is None or self._fitted[0] != key:
            self._fitted = (key, fit())
        return self._fitted[1]


class KeptModel:
    """One model at a time, on one device; what could not be loaded is not tried again."""

    def __init__(self, device: str, context_memory: float) -> None:
        self._device = device
        self._context_memory = context_memory
        self._config: ModelConfig | None = None
        self._ready: ReadyModel | None = None
        self._failed: dict[ModelConfig, Exception] = {}

    def get(self, config: ModelConfig) -> ReadyModel:
        """The model, loaded now unless it was the last one; raises what loading it raised, the first time too."""
        if config in self._failed:
            raise self._failed[config]
        if self._ready is None or self._config != config:
            self._config = self._ready = None  # two models at once may be more than the memory holds
            self._ready = self._load(config)
            self._config = config
        return self._ready

    def _load(self, config: ModelConfig) -> ReadyModel:
        device = self._device if config.device == "auto" else config.device
        try:
            loaded: LoadedModel = load_model(config.model_copy(update={"device": device}))
        except Exception as error:
            self._failed[config] = error.with_traceback(None)  # whose frames would keep half a model
            raise
        return ReadyModel(loaded.model, loaded.tokenizer, device, KeptContexts(self._context_memory))
