"""What the task generator promises: exact lengths, exact records, one right answer, and the same sample again."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_core import UsageError
from sah_model_needle import NeedleSample, NeedleTask
from sah_model_needle.tokenizer import build_tokenizer
from sah_model_needle.vocabulary import FILLER_IDS, KEY_IDS, VALUE_IDS, WORDS

KEYS = {WORDS[i] for i in KEY_IDS}
FILLER = {WORDS[i] for i in FILLER_IDS}
VALUES = {WORDS[i] for i in VALUE_IDS}

VOTE_SAMPLE = "1a5f40282719b4393d82a51839ad55238240545d9288beaa7b67cf6c9bf2f5d8"

SEEDS = st.integers(0, 2**40)


@st.composite
def retrievals(draw: st.DrawFn) -> NeedleTask:
    length = draw(st.integers(32, 2048) | st.sampled_from([4096, 8192]))
    spacing = draw(st.integers(max(6, -(-length // 380)), min(64, length)))
    return NeedleTask("retrieval", length, spacing, draw(st.integers(1, 40)))


@st.composite
def votes(draw: st.DrawFn) -> NeedleTask:
    length = draw(st.integers(96, 2048))
    return NeedleTask("vote", length, draw(st.integers(6, length // 16)), draw(st.integers(1, 40)))


def records(sample: NeedleSample) -> list[tuple[str, str]]:
    """Every record of the context, in order, as key and value; the words around them have to be filler."""
    words = sample.context.split(" ")
    found = []
    while words:
        word = words.pop(0)
        if word in KEYS:
            value, words = words[:3], words[3:]
            assert set(value) <= VALUES
            assert words.pop(0) == "."
            found.append((word, " ".join(value)))
        else:
            assert word in FILLER
    return found


@given(retrievals() | votes(), SEEDS)
def test_length_in_tokens(task: NeedleTask, seed: int) -> None:
    """A context has exactly the tokens that were asked for, the tokenizer's <bos> included."""
    assert len(build_tokenizer().encode(task.sample(seed).context).ids) == task.length


@given(retrievals(), SEEDS)
def test_retrieval_keys_are_unique(task: NeedleTask, seed: int) -> None:
    """Each key has one record, there are as many as stated, and a question's answer is its key's record."""
    sample = task.sample(seed)
    found = records(sample)
    assert len(found) == len(dict(found)) == task.records == task.length // task.spacing
    assert [dict(found)[question.removeprefix("? ")] for question in sample.questions] == list(sample.answers)


@given(votes(), SEEDS)
def test_vote_majority_is_strict(task: NeedleTask, seed: int) -> None:
    """Each key has 16 to 32 records, and its answer has more of them than any other value."""
    sample = task.sample(seed)
    found = records(sample)
    assert len(found) == task.records
    assert len({key for key, _ in found}) == task.keys
    for count in Counter(key for key, _ in found).values():
        assert 16 <= count <= 32
    for question, answer in zip(sample.questions, sample.answers, strict=True):
        votes = Counter(value for key, value in found if key == question.removeprefix("? "))
        (first, most), *others = votes.most_common(2)
        assert first == answer
        assert all(most > fewer for _, fewer in others)


@given(votes(), SEEDS)
def test_vote_needs_many_records(task: NeedleTask, seed: int) -> None:
    """The answer has 45 % of its key's records, rounded up: no single record settles it."""
    sample = task.sample(seed)
    found = records(sample)
    for question, answer in zip(sample.questions, sample.answers, strict=True):
        values = [value for key, value in found if key == question.removeprefix("? ")]
        assert values.count(answer) == -(-45 * len(values) // 100)


@given(retrievals() | votes(), SEEDS, st.integers(0, 1000))
def test_same_seed_same_sample(task: NeedleTask, seed: int, number: int) -> None:
    """A sample is a function of task, seed and number; another number, or seed, gives another one."""
    sample = task.sample(seed, number)
    assert task.sample(seed, number) == sample
    assert task.sample(seed, number + 1).context != sample.context
    assert task.sample(seed + 1, number).context != sample.context


@given(retrievals() | votes(), SEEDS)
def test_each_question_once(task: NeedleTask, seed: int) -> None:
    """As many questions as asked for, or as there are keys; no key is asked twice."""
    asked = task.sample(seed).questions
    assert len(asked) == len(set(asked)) == min(task.questions, task.keys)


@given(votes(), st.integers(1, 60), SEEDS)
def test_samples_ask_exactly_so_many(task: NeedleTask, questions: int, seed: int) -> None:
    """`samples` asks exactly the number of questions it was given, of contexts that `sample` gives."""
    samples = list(task.samples(questions, seed))
    assert sum(len(sample.questions) for sample in samples) == questions
    for number, sample in enumerate(samples):
        whole = task.sample(seed, number)
        count = len(sample.questions)
        assert sample == NeedleSample(whole.context, whole.questions[:count], whole.answers[:count])


def test_bytes_of_a_sample() -> None:
    """Results from different machines and versions of numpy are of the same questions: these bytes are written down."""
    sample = NeedleTask("vote", length=512, spacing=8).sample(7)
    text = "\n".join([sample.context, *sample.questions, *sample.answers])
    assert hashlib.sha256(text.encode()).hexdigest() == VOTE_SAMPLE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"variant": "needle"}, "variant should be one of retrieval, vote, not 'needle'"),
        ({"length": 31}, "length should be a whole number from 32 to 8192, not 31"),
        ({"length": 8193}, "length should be a whole number from 32 to 8192, not 8193"),
        ({"length": 1024.0}, "length should be a whole number from 32 to 8192, not 1024.0"),
        ({"length": True}, "length should be a whole number from 32 to 8192, not True"),
        ({"spacing": 5}, "spacing should be a whole number from 6 to 1024, not 5"),
        ({"questions": 0}, "questions should be a whole number from 1 to 384, not 0"),
        ({"length": 8192, "spacing": 8}, "needs 1024 keys, and the vocabulary has 384"),
        ({"variant": "vote", "length": 256}, "a vote needs 16 records"),
    ],
)
def test_impossible_tasks(arguments: dict[str, object], said: str) -> None:
    """A context that cannot exist is refused in a sentence that says what was given and what would do."""
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        NeedleTask(**arguments)  # type: ignore[arg-type]  # wrong types are what is tested


@pytest.mark.parametrize("seed", [-1, 1.0, True, None])
def test_impossible_seeds(seed: object) -> None:
    """A seed is a whole number from 0 up."""
    with pytest.raises(UsageError, match="seed should be a whole number from 0 up"):
        NeedleTask().sample(seed)  # type: ignore[arg-type]  # wrong types are what is tested
