"""The trial of a model type: is sparse attention that keeps every key what the model's own attention is?

A tiny random model reads a context that is longer than its windows, then a question of several tokens and two single
tokens, as it would answer. Its own eager attention says what the logits should be.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import attrs
import torch
from attrs import field, frozen
from torch import Tensor

from sah_hf.adapter import ModelAdapterHF
from sah_hf.attention.switch import configs_of
from sah_hf.errors import UnsupportedModelError

from .building import build_tiny_model, class_of
from .traits import Traits

__all__ = ["MISSING_PACKAGES", "TOLERANCE", "Trial", "Verdict", "VerdictKind", "try_family"]

TOLERANCE = 1e-5
"""Of the largest logit. Float32 rounds to 1e-7, and other orders of summation part by up to 3e-6; one missing key of
46, for one query alone, moves the logits by more than 4e-4."""
NO_CACHE = "in model.generate alone: its forward returns no KV cache to read a context into"
SINGLE_TOKENS = "in model.generate alone: by itself it cannot read a question onto a cache, only single tokens"
MISSING_PACKAGES = "needs packages that are not installed"
_CONTEXT, _QUESTION, _SINGLE = 40, 4, 2
_LENGTH = _CONTEXT + _QUESTION + _SINGLE
_SPANS = ((0, _CONTEXT), (_CONTEXT, _CONTEXT + _QUESTION), (_LENGTH - 2, _LENGTH - 1), (_LENGTH - 1, _LENGTH))
_FORWARDS = len(_SPANS) - 1  # that are sparse
_EVERYTHING = [{"kind": "causal"}]
_FEW = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 4}]
_KINDS = ("research", "efficient")

VerdictKind = Literal["exact", "wrong", "refused", "cannot run"]


@frozen
class Verdict:
    """What came out, as the table keeps it: ``exact`` with its layers, or another kind with the reason.

    An exact one with a reason is so in that case alone.
    """

    kind: VerdictKind
    layers: str = ""
    reason: str = ""


@frozen
class Trial:
    """One model type's trial; ``error`` relative to the largest logit, ``density`` of sink + local."""

    model_type: str
    model_class: str
    verdict: Verdict
    attention: str = ""
    error: float | None = field(default=None, eq=False)
    density: float | None = field(default=None, eq=False)


def try_family(model_type: str) -> Trial:
    """Try a model type; whatever goes wrong with it is part of the outcome. UsageError for an unknown type."""
    model_class = class_of(model_type)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a tiny config lacks: nobody will use the model
        try:
            model = build_tiny_model(model_type)
        except Exception as error:  # noqa: BLE001 - a modelling file may raise anything, and that is the outcome
            return Trial(model_type, model_class, Verdict("cannot run", reason=_one_line(error)))
        found = _outside(model)
        try:
            trial = _tried(model, model_type, model_class)
        except Exception as error:  # noqa: BLE001 - as above
            trial = Trial(model_type, model_class, Verdict("wrong", reason=_one_line(error)))
        if _outside(model) != found:
            trial = attrs.evolve(trial, verdict=Verdict("wrong", reason="the model was not left as it was found"))
        return trial


def _tried(model: Any, model_type: str, model_class: str) -> Trial:
    try:
        everything = {kind: ModelAdapterHF(model, {"kind": kind, "maskers": _EVERYTHING}) for kind in _KINDS}
    except UnsupportedModelError as error:
        said = str(error).replace(f" of {_name(model)}", "").replace(f"{_name(model)} ", "")
        return Trial(model_type, model_class, Verdict("refused", reason=said))
    config = model.config.get_text_config(decoder=True)
    ids = torch.randint(3, config.vocab_size, (1, _LENGTH), generator=torch.Generator().manual_seed(1))
    try:
        ask, expected, note = _own_answer(model, ids)
    except Exception as error:  # noqa: BLE001 - what a model cannot do by itself is no fault of the adapter's
        return Trial(model_type, model_class, Verdict("cannot run", reason=f"by itself: {_one_line(error)}"))
    traits = Traits(config)
    runs = [_run(adapter, partial(ask, model, ids), expected, traits.look) for adapter in everything.values()]
    sparse = [ModelAdapterHF(model, {"kind": kind, "maskers": _FEW}) for kind in _KINDS]
    few = [_run(adapter, partial(ask, model, ids), expected) for adapter in sparse]
    calls = runs[0].calls // _FORWARDS
    layers = getattr(config, "num_hidden_layers", calls)
    problem = next(filter(None, [*map(_problem_of_everything, runs), *map(_problem_of_few, few)]), "")
    return Trial(
        model_type,
        model_class,
        Verdict("wrong" if problem else "exact", f"{min(calls, layers)} of {layers}", problem or note),
        traits.said(calls, layers),
        max(run.difference for run in runs),
        max(run.density for run in few),
    )


@frozen
class _Run:
    """What was measured while an adapter answered; ``difference`` from eager logits, relative to the largest."""

    difference: float
    density: float
    calls: int
    silent: list[int]  # layers with fewer sparse calls than there were forwards


def _run(
    adapter: ModelAdapterHF, ask: Callable[[], Any], expected: Any, look: Callable[..., None] | None = None
) -> _Run:
    with adapter.enable_sparse_mode() as mode:
        mode.on_call = look
        logits = ask()
    meter = mode.meter
    silent = [layer for layer in adapter.layers if meter.layer(layer).sparse_calls < _FORWARDS]
    difference = (logits - expected).abs().max() / expected.abs().max()
    return _Run(float(difference), float("nan") if meter.density is None else meter.density, meter.calls, silent)


def _problem_of_everything(run: _Run) -> str:
    """What is wrong with a run in which every visible key is kept; "" if nothing is."""
    if run.density != 1.0:
        return f"a mask of every visible key has density {run.density}"
    if not run.difference <= TOLERANCE:  # NaN is no answer either
        return f"with every key, logits differ from eager attention's by {run.difference:.0e} of the largest"
    return ""


def _problem_of_few(run: _Run) -> str:
    """What is wrong with a run in which sink and local keys alone are kept; "" if nothing is."""
    if run.silent:
        return f"layers {run.silent} made fewer sparse calls than there were forwards"
    if not run.density < 1:
        return f"with sink and local keys alone, density is {run.density}"
    if not math.isfinite(run.difference):
        return "with sink and local keys alone, logits are not finite"
    if run.difference < 100 * TOLERANCE:
        return "logits do not depend on which keys are attended to, so the trial shows nothing"
    return ""


def _own_answer(model: Any, ids: Tensor) -> tuple[Callable[[Any, Tensor], Any], Tensor, str]:
    """How to ask this model, its own logits asked so, and what is to be noted of that way."""
    try:
        expected = _asked(model, ids)
    except RuntimeError:
        return _generated, _generated(model, ids), SINGLE_TOKENS
    if expected is None:
        return _generated, _generated(model, ids), NO_CACHE
    return _asked, expected, ""


@torch.no_grad()
def _asked(model: Any, ids: Tensor) -> Tensor | None:
    """Logits after the context, (1, q, vocabulary), fed as an answer is; None where the model returns no cache."""
    logits, cache = [], None
    for start, end in _SPANS:
        output = model(
            input_ids=ids[:, start:end],
            attention_mask=torch.ones_like(ids[:, :end]),
            past_key_values=cache,
            use_cache=True,
        )
        cache = getattr(output, "past_key_values", None)
        if cache is None:
            return None
        logits.append(output.logits)
    return torch.cat(logits[1:], 1)


@torch.no_grad()
def _generated(model: Any, ids: Tensor) -> Tensor:
    """Logits of the tokens that follow the context, (1, q, vocabulary), as `generate` goes, which makes caches."""
    context = ids[:, :_CONTEXT]
    answer = model.generate(
        context,
        attention_mask=torch.ones_like(context),
        max_new_tokens=_FORWARDS + 1,
        min_new_tokens=_FORWARDS + 1,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    return torch.stack(answer.logits[1:], 1)


def _outside(model: Any) -> list[Any]:
    """What an adapter might leave behind in a model."""
    hooks = sum(len(module._forward_pre_hooks) for module in model.modules())
    return [hooks, *(config._attn_implementation_internal for config in configs_of(model))]


def _name(model: Any) -> str:
    return f"{type(model).__name__} (model type {model.config.model_type!r})"


def _one_line(error: Exception) -> str:
    if isinstance(error, ImportError):
        return MISSING_PACKAGES
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
