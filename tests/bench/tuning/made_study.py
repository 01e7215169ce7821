"""A study that was made up: five methods with forty trials each, drawn from one seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from sah_bench.tuning.result import (
    Confirmed,
    Cost,
    Figures,
    MethodResult,
    ParameterRange,
    TrialResult,
    TuningResult,
    Value,
)

PARAMETERS: dict[str, tuple[ParameterRange, ...]] = {
    "quest": (
        ParameterRange("local.window", 16, low=4, high=64, log=True),
        ParameterRange("quest.budget", 0.1, low=0.005, high=0.2, log=True),
        ParameterRange("quest.page_size", 16, choices=(4, 8, 16)),
        ParameterRange("quest.share_kv_group", False, choices=(False, True)),
    ),
    "magicpig": (
        ParameterRange("sink.size", 4, low=1, high=64, log=True),
        ParameterRange("local.window", 16, low=4, high=64, log=True),
        ParameterRange("magicpig.tables", 150, low=20, high=300),
        ParameterRange("magicpig.bits", 10, low=4, high=14),
        ParameterRange("magicpig.min_matches", 2, choices=(1, 2, 3)),
        ParameterRange("magicpig.center", True, choices=(True, False)),
    ),
    "pqcache": (
        ParameterRange("pqcache.budget", 0.05, low=0.005, high=0.2, log=True),
        ParameterRange("pqcache.subvectors", 2, choices=(1, 2, 4, 8)),
        ParameterRange("pqcache.metric", "euclidean", choices=("euclidean", "inner_product")),
    ),
    "double_sparsity": (
        ParameterRange("double_sparsity.budget", 256, low=8, high=512, log=True),
        ParameterRange("double_sparsity.group_factor", 8, choices=(2, 4, 8, 16)),
    ),
    "vattention": (
        ParameterRange("vattention.epsilon", 0.05, low=0.01, high=0.5, log=True),
        ParameterRange("vattention.base_rate", 0.05, low=0.01, high=0.2, log=True),
    ),
}


def study(of: Cost = "density", budget: float = 0.05, *, trials: int = 40) -> TuningResult:
    """Quest, MagicPIG, PQCache, Double Sparsity whose importance is not known, and vAttention without a config."""
    draw = random.Random(0)
    methods = [_method(name, parameters, of, budget, trials, draw) for name, parameters in PARAMETERS.items()]
    methods[3] = attrs.evolve(methods[3], importance={})
    known = [(each.figures.cost(of), each.number) for each in methods[4].trials if each.figures is not None]
    cost, closest = min(known)
    methods[4] = attrs.evolve(
        methods[4],
        best=None,
        confirmed=None,
        config=None,
        problem=f"no config of vattention within {of} <= {budget:g}: the closest, trial {closest}, had {cost:.4g}: "
        "allow more, or let smaller sizes be tried (ranges:)",
    )
    dense = Figures(samples=64, score=0.953, stderr=0.021, density=1.0, seconds=0.0213, megabytes=0.0)
    return TuningResult(
        name="vote at 5 %",
        model="needle",
        asked="needle vote, 32 samples a seed, at 1024 tokens",
        of=of,
        budget=budget,
        methods=tuple(methods),
        dense=dense,
    )


def _method(
    name: str, parameters: tuple[ParameterRange, ...], of: Cost, budget: float, trials: int, draw: random.Random
) -> MethodResult:
    least = 0.055 if name == "vattention" else 0.012
    tried = [_trial(number, parameters, least, draw) for number in range(trials)]
    complete = [(trial, trial.figures) for trial in tried if trial.state == "complete" and trial.figures is not None]
    front, highest = [], -1.0
    for trial, figures in sorted(complete, key=lambda each: (each[1].cost(of), -each[1].score)):
        if figures.score > highest:
            front.append(trial.number)
            highest = figures.score
    within = [(figures.score, -trial.number) for trial, figures in complete if figures.cost(of) <= budget]
    parts = [draw.random() ** 3 for _ in parameters], [draw.random() ** 3 for _ in parameters]
    return MethodResult(
        name=name,
        parameters=parameters,
        trials=tuple(tried),
        front=tuple(front),
        best=-max(within)[1] if within else None,
        importance={
            kind: {each.name: part / sum(some) for each, part in zip(parameters, some, strict=True)}
            for kind, some in zip(("score", "cost"), parts, strict=True)
        },
        confirmed=_confirmed(draw),
        config=f"tuned/{name}.yaml",
    )


def _trial(number: int, parameters: Sequence[ParameterRange], least: float, draw: random.Random) -> TrialResult:
    values = {each.name: _value(each, draw) if number else each.start for each in parameters}
    if number % 17 == 16:
        why = "CalibrationError: the context has 12 keys, and 64 centroids need as many: lower pqcache.bits"
        return TrialResult(number, values, "failed", None, why)
    density = least * 2 ** (4.2 * draw.random())
    pruned = number % 5 == 3
    figures = Figures(
        samples=32 if pruned else 96,
        score=round(min(1.0, (1 - least / 2 / density) * draw.uniform(0.55, 1.0)) * 96) / 96,
        stderr=0.03 + 0.02 * draw.random(),
        density=density,
        seconds=0.008 + 0.1 * density + 0.002 * draw.random(),
        megabytes=0.1 + 0.6 * draw.random(),
    )
    below = "its score is 0.188 ± 0.061 below that of trial 1 on the same samples" if pruned else None
    return TrialResult(number, values, "pruned" if pruned else "complete", figures, below)


def _value(parameter: ParameterRange, draw: random.Random) -> Value:
    if parameter.choices is not None:
        return draw.choice(parameter.choices)
    assert parameter.low is not None
    assert parameter.high is not None
    share = draw.random()
    log = parameter.low * (parameter.high / parameter.low) ** share
    value = log if parameter.log else parameter.low + share * (parameter.high - parameter.low)
    return round(value) if isinstance(parameter.start, int) else value


def _confirmed(draw: random.Random) -> Confirmed:
    start = Figures(64, 0.55 + 0.15 * draw.random(), 0.05, 0.03 + 0.09 * draw.random(), 0.0171, 0.42)
    tuned = Figures(64, 0.62 + 0.28 * draw.random(), 0.04, 0.044 + 0.009 * draw.random(), 0.0125, 0.51)
    return Confirmed(start, tuned, tuned.score - start.score, 0.045)
