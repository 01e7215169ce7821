"""`request_report`: the report of a request, from what its adapter is and what was counted."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from sah_core import MaskerConfig, default_registry
from sah_core.compiled.available import loops_missing
from sah_hf.modes.layer_plan import LayerPlan
from sah_hf.modes.meter import Meter
from sah_hf.reports.report import MaskerReport, OverrideReport, RequestReport

from .answering import Answers

if TYPE_CHECKING:
    from sah_hf.adapter import ModelAdapterHF

__all__ = ["request_report"]


def request_report(
    adapter: ModelAdapterHF, answers: Answers, meter: Meter, plan: LayerPlan | None, *, chat: bool
) -> RequestReport:
    """What happened while these answers were made; ``plan`` is None where the adapter is dense."""
    config, model, context = adapter.attention_config, adapter.model, answers.context
    weight = next(model.parameters())
    return RequestReport(
        model=adapter.name,
        model_type=model.config.model_type,
        dtype=str(weight.dtype).removeprefix("torch."),
        device=str(weight.device),
        versions={name: version(name) for name in _packages(sparse=config is not None)},
        protocol="dense" if config is None else adapter.protocol.sparse_from,
        first_tokens_dense=adapter.protocol.first_tokens_dense,
        backend=None if config is None else config.kind,
        maskers=() if config is None else _maskers(config.maskers),
        overrides=()
        if config is None
        else tuple(OverrideReport(each.layers, _maskers(each.maskers)) for each in config.overrides),
        dense_layers=() if config is None else config.dense_layers,
        seed=None if config is None else config.seed,
        generation=answers.generation,
        chat=chat,
        context_tokens=len(context.tokens),
        context_prefills=answers.prompts_read,
        prefill_seconds=context.seconds,
        context_peak_bytes=context.peak_bytes,
        context_attention=context.attention,
        sparse_forwards=answers.sparse_forwards,
        dense_forwards=answers.dense_forwards,
        answers=answers.reports,
        layers=() if plan is None else plan.reports(meter),
        density=meter.density,
        index_bytes=answers.index_bytes,
    )


def _packages(*, sparse: bool) -> tuple[str, ...]:
    """What an answer's last bits may depend on; numba where loops that it compiled choose the keys."""
    loops = ("numba",) if sparse and loops_missing() is None else ()
    return "sah-core", "sah-hf", "torch", *loops, "transformers"


def _maskers(configs: tuple[MaskerConfig, ...]) -> tuple[MaskerReport, ...]:
    return tuple(map(_masker, configs))


def _masker(config: MaskerConfig) -> MaskerReport:
    record = default_registry().masker_record(config.kind)
    return MaskerReport(config.kind, config.model_dump(mode="json"), record.distribution, record.version)
