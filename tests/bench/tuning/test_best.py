"""The best trial and the front: laws over trials of all kinds, and a study that can be checked by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sah_bench.tuning.best import best_of, closest_to, front_of
from sah_bench.tuning.pruning import beaten, over_budget
from sah_bench.tuning.result import Figures, TrialResult
from sah_bench.tuning.trials import State

# Few different numbers, so that ties are drawn as well.
SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
DENSITIES = st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.5])


def figures(score: float, density: float) -> Figures:
    return Figures(samples=8, score=score, stderr=0.1, density=density, seconds=1.0, megabytes=0.0)


@st.composite
def trials(draw: st.DrawFn) -> list[TrialResult]:
    found = []
    for number in range(draw(st.integers(0, 8))):
        state: State = draw(st.sampled_from(("complete", "complete", "pruned", "failed")))
        known = None if state == "failed" else figures(draw(SCORES), draw(DENSITIES))
        found.append(TrialResult(number, {}, state, known))
    return found


def beats(one: Figures, other: Figures) -> bool:
    """No worse in both, and better in one."""
    pairs = (one.score, -one.cost("density")), (other.score, -other.cost("density"))
    return pairs[0] != pairs[1] and all(a >= b for a, b in zip(*pairs, strict=True))


def known(trials: list[TrialResult]) -> dict[int, Figures]:
    return {each.number: each.figures for each in trials if each.state == "complete" and each.figures is not None}


@given(trials())
def test_nothing_beats_the_front(trials: list[TrialResult]) -> None:
    """Its trials are complete and beaten by none, every other complete one is beaten or equalled by one of them."""
    complete, front = known(trials), front_of(trials, "density")
    assert not any(beats(complete[other], complete[number]) for number in front for other in complete)
    for number, own in complete.items():
        assert number in front or any(beats(complete[each], own) or same(complete[each], own) for each in front)


def same(one: Figures, other: Figures) -> bool:
    return (one.score, one.density) == (other.score, other.density)


@given(trials())
def test_the_front_rises(trials: list[TrialResult]) -> None:
    """By rising cost, and what costs more scores more."""
    complete = known(trials)
    front = [complete[number] for number in front_of(trials, "density")]
    costs, scores = [each.cost("density") for each in front], [each.score for each in front]
    assert costs == sorted(set(costs))
    assert scores == sorted(set(scores))


@given(trials(), DENSITIES)
def test_the_best_is_within_the_budget_and_on_the_front(trials: list[TrialResult], budget: float) -> None:
    """None within the budget scores more; where there is no best one, none is within."""
    within = {number: each for number, each in known(trials).items() if each.cost("density") <= budget}
    best = best_of(trials, "density", budget)
    if best is None:
        assert within == {}
        return
    assert within[best.number].score == max(each.score for each in within.values())
    assert best.number in front_of(trials, "density")


@given(trials())
def test_the_closest_costs_least(trials: list[TrialResult]) -> None:
    """Of all with figures, complete or not; what failed has none."""
    costs = [each.figures.cost("density") for each in trials if each.figures is not None]
    closest = closest_to(trials, "density")
    assert (None if closest is None or closest.figures is None else closest.figures.density) == min(costs, default=None)


def test_equal_scores_and_a_budget() -> None:
    """Of two with the best score the cheaper one; one that is better and over the budget is not the best."""
    found = [
        TrialResult(number, {}, "complete", figures(score, density))
        for number, (score, density) in enumerate([(0.5, 0.02), (0.75, 0.05), (0.75, 0.02), (1.0, 0.1), (0.25, 0.01)])
    ]
    best = best_of(found, "density", 0.05)
    assert best is not None
    assert best.number == 2
    assert front_of(found, "density") == (4, 2, 3)


def test_what_is_too_far_over_the_budget() -> None:
    """More than 20 % over: given up; a little over may yet be within."""
    assert over_budget(figures(1.0, 0.06), "density", 0.05) is None
    assert over_budget(figures(1.0, 0.0601), "density", 0.05) == "its density of 0.0601 is over the budget of 0.05"


def test_what_is_clearly_below_the_best() -> None:
    """More than two standard errors of the difference; one whose error is not known is not clear."""
    assert beaten(-0.2, 0.1, 3) is None
    assert beaten(-0.21, 0.1, 3) == "its score is 0.210 ± 0.100 below that of trial 3 on the same samples"
    assert beaten(-0.5, None, 3) is None
    assert beaten(0.5, 0.0, 3) is None
    assert beaten(-0.01, 0.0, 3) is not None
