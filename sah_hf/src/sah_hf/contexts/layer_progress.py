"""`layers_counted`: how far a forward of a model is, told layer by layer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

__all__ = ["OnProgress", "layers_counted"]

OnProgress = Callable[[int, int], None]
"""Called with how many of a model's layers are done, and how many there are."""


@contextmanager
def layers_counted(model: Any, on_progress: OnProgress | None) -> Iterator[None]:
    """Within it, a forward of the model in this thread tells before each decoder layer how many are done, then all.

    An accelerator is told its work ahead of doing it, so there it is the layers handed over that are counted. A model
    whose decoder layers are not in a list of as many as its config names is one layer as a whole.
    """
    if on_progress is None:
        yield
        return
    layers, thread, done = _decoder_layers(model), threading.get_ident(), 0

    def entered(*_: Any) -> None:
        nonlocal done
        if threading.get_ident() == thread:
            on_progress(min(done, len(layers)), len(layers))
            done += 1

    with ExitStack() as hooks:
        for layer in dict.fromkeys(layers):  # a layer that stands in several places has one hook
            hooks.callback(layer.register_forward_pre_hook(entered).remove)
        yield
    on_progress(len(layers), len(layers))


def _decoder_layers(model: Any) -> Sequence[nn.Module]:
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    root = model.get_decoder() if hasattr(model, "get_decoder") else model
    lists = (module for module in root.modules() if isinstance(module, nn.ModuleList))
    return next((list(found) for found in lists if len(found) == count), [model])
