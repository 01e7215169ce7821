"""ZeroSCROLLS' scorers: any text has a score, a right answer the best one, and examples that a reader can check."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.combined import shares
from sah_bench.scoring.scorer import Scorer
from sah_bench.tasks.row import Row
from sah_core.plugins import default_registry
from sah_tasks_longcontext.scoring.zeroscrolls_answers import accuracy, concordance, exponential_similarity, f1
from sah_tasks_longcontext.scoring.zeroscrolls_rouge import rouge

any_text = st.text(max_size=40) | st.text("ABCD 0123,.%aé\u0301", max_size=40)
RIGHT: dict[Scorer, str] = {
    accuracy: "B",
    concordance: "2, 1, 3",
    exponential_similarity: "60%",
    f1: "Mrs Dalloway",
    rouge: "Rain falls.",
}


def row(*answers: str) -> Row:
    """A row with these right answers."""
    return Row("context", "question", answers, 8)


def parts(scorer: Scorer, prediction: str, *answers: str) -> list[float]:
    """The one number of a score, or all of them."""
    found = scorer(prediction, row(*answers))
    return [*found] if isinstance(found, tuple) else [found]


@pytest.mark.parametrize(("scorer", "answer"), RIGHT.items())
@given(any_text)
def test_any_text_has_a_score(scorer: Scorer, answer: str, prediction: str) -> None:
    """Every prediction scores floats from 0 to 1, three of them for ROUGE."""
    found = parts(scorer, prediction, answer)
    assert len(found) == (3 if scorer is rouge else 1)
    assert all(type(part) is float and 0 <= part <= 1 for part in found)


@pytest.mark.parametrize(("scorer", "answer"), RIGHT.items())
@given(st.lists(st.sampled_from(["D", "3, 2, 1", "5%", "Clarissa", "It is wet."]), max_size=3), st.integers(0, 3))
def test_a_right_answer_scores_best(scorer: Scorer, answer: str, others: list[str], place: int) -> None:
    """Wherever it stands among the answers."""
    assert min(parts(scorer, f" {answer}\n", *others[:place], answer, *others[place:])) == 1


@given(st.permutations([*range(1, 8)]), st.permutations([*range(1, 8)]))
def test_an_order_and_its_opposite_have_all_pairs_right(order: list[int], right: list[int]) -> None:
    """Every pair is right in one of them, and swapping two neighbours changes one pair of 21."""
    listed = [", ".join(map(str, chapters)) for chapters in (order, order[::-1], right)]
    both = concordance(listed[0], row(listed[2])) + concordance(listed[1], row(listed[2]))
    assert both == pytest.approx(1)
    swapped = [order[1], order[0], *order[2:]]
    change = concordance(", ".join(map(str, swapped)), row(listed[2])) - concordance(listed[0], row(listed[2]))
    assert abs(change) == pytest.approx(1 / len([*combinations(order, 2)]))


@given(st.integers(0, 100), st.integers(0, 90))
def test_ten_points_more_are_half_of_it(right: int, off: int) -> None:
    """ES(p, p + d + 10) = ES(p, p + d) / 2."""
    near, far = (exponential_similarity(f"{right + points}%", row(f"{right}%")) for points in (off, off + 10))
    assert far == pytest.approx(near / 2)


@pytest.mark.parametrize(
    ("scorer", "prediction", "answers", "score"),
    [
        (f1, "The new corpus", ["a new corpus"], 1),
        (f1, "Clarissa Dalloway", ["Mrs Dalloway", "Clarissa"], 2 / 3),  # 1 in common, of 2 and 1
        (f1, "Café", ["cafe\u0301"], 1),
        (f1, "CAFE", ["café"], 1),
        (f1, "Москва, столица", ["столица"], 2 / 3),
        (f1, "", ["Rome"], 0),
        (f1, "...", ["Rome"], 0),
        (accuracy, "The answer is (C), not B.", ["C"], 1),
        (accuracy, "BC D", ["D"], 1),  # BC is no letter of its own
        (accuracy, "A man, so D", ["D"], 0),  # the article is taken for an answer, as in the published code
        (accuracy, "d", ["D"], 0),
        (accuracy, "", ["A"], 0),
        (accuracy, "none", ["none"], 0),
        (exponential_similarity, "Out of 50 reviews, 20 are positive, so 40% are, 60% are not.", ["40%"], 1),
        (exponential_similarity, "50%", ["60%"], 1 / 2),
        (exponential_similarity, "62.5%", ["60%"], 2**-0.25),
        (exponential_similarity, "80%", ["60%", "90%"], 1 / 2),  # the nearest
        (exponential_similarity, "60 %", ["60%"], 0),
        (exponential_similarity, "0.6", ["60%"], 0),
        (exponential_similarity, "9" * 400 + "%", ["60%"], 0),
        (exponential_similarity, "", ["60%"], 0),
        (concordance, "1, 2, 3", ["1, 2, 3"], 1),
        (concordance, "3, 2, 1", ["1, 2, 3"], 0),
        (concordance, "1, 3, 2", ["1, 2, 3"], 2 / 3),  # of 12, 13, 23 the last is wrong
        (concordance, "Order: 02, 1, 3.", ["2, 1, 3"], 1),
        (concordance, "Summary 1, Summary 3, Summary 2", ["1, 3, 2"], 1),
        (concordance, "1. 2\n2. 1\n3. 3", ["2, 1, 3"], 0),  # six numbers
        (concordance, "1-3-2", ["1, 3, 2"], 0),  # 132
        (concordance, "1, 2", ["1, 2, 3"], 0),
        (concordance, "1, 2, 2", ["1, 2, 3"], 0),
        (concordance, "", ["1, 2, 3"], 0),
        (concordance, "1", ["1"], 1),
    ],
)
def test_scores_by_hand(scorer: Scorer, prediction: str, answers: list[str], score: float) -> None:
    """What section 3.3 of the paper says, on texts short enough to check."""
    assert parts(scorer, prediction, *answers) == [pytest.approx(score, abs=1e-15)]


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("a b c d", ["a b d"], (6 / 7, 2 / 5, 6 / 7)),  # 3 of 4 and 3; ab of 3 and 2; abd of 4 and 3
        ("Running dogs", ["run dog"], (1, 1, 1)),  # stems are compared, in lower case
        ("a b", ["b a", "b c a b"], (1, 1 / 2, 2 / 3)),  # the first for words, the second for pairs and subsequences
        ("", ["a"], (0, 0, 0)),
        ("...", ["a"], (0, 0, 0)),
    ],
)
def test_rouge_by_hand(prediction: str, answers: list[str], expected: tuple[float, ...]) -> None:
    """F of words, of pairs of words, and of a longest common subsequence, each with its best reference."""
    assert rouge(prediction, row(*answers)) == pytest.approx(expected)


def test_the_score_of_a_set_is_the_geometric_mean_of_three_means() -> None:
    """Of (1, 1, 1) and (1, 0, 1/2): means 1, 1/2, 3/4. No mean of geometric means, which would be 1/2."""
    found = {0: rouge("a b", row("a b")), 1: rouge("a b", row("b a"))}
    assert found == {0: (1, 1, 1), 1: (1, 0, 1 / 2)}
    assert sum(shares(found).values()) / 2 == pytest.approx((1 * 1 / 2 * 3 / 4) ** (1 / 3))


def test_the_names_are_those_of_the_config() -> None:
    """Each is offered under its name."""
    names = ["accuracy", "concordance", "exponential_similarity", "f1", "rouge"]
    assert [default_registry().scorers.load(f"zeroscrolls_{name}") for name in names] == [*RIGHT]
