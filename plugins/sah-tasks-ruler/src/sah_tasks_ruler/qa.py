"""Questions about documents (qa_1, qa_2): those of a question, among as many others as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from random import Random
from typing import ClassVar, Final

from attrs import define

from sah_core.errors import ConfigError

from .config import TaskName
from .counter import TokenCounter
from .draft import Asked
from .question_files import Question, read_questions

__all__ = ["Documents", "QuestionAnswering"]

_HEAD: Final = (
    "Answer the question based on the given documents. Only give me the answer and do not output any other words."
    "\n\nThe following are given documents.\n\n"
)
_QUESTION: Final = (
    "\n\nAnswer the question based on the given documents. Only give me the answer and do not output any other words."
    "\n\nQuestion: {question}"
)
_PREFIX: Final = " Answer:"
_DOCUMENT: Final = "Document {number}:\n{document}"

_MISSES: Final = 200
"""After so many documents that do not fit any more, no further one is looked for."""


class QuestionAnswering:
    """Drafts of qa_1 (SQuAD) or qa_2 (HotpotQA): each question once, in a random order of the seed's own.

    RULER asks the file's first questions instead, which in SQuAD are all about the same article or two.
    """

    max_new_tokens: ClassVar[int] = 32

    def __init__(self, task: TaskName, path: str, seed: int, counter: TokenCounter) -> None:
        self._path = path
        self._name = f"ruler {task} {seed}"
        self._file = read_questions(task, path)
        self._order = list(_shuffled(len(self._file.questions), Random(f"{self._name} questions")))
        self._tokens = _Tokens(self._file.documents, counter)
        self._counter = counter

    @property
    def number(self) -> int:
        """As many as the file has questions with answers."""
        return len(self._file.questions)

    def draft(self, number: int) -> Documents:
        """A sample; see `sah_tasks_ruler.draft.Source`."""
        question = self._file.questions[self._order[number]]
        asked = Asked(_QUESTION.format(question=question.text), _PREFIX, question.answers)
        return Documents(asked, question, self._path, f"{self._name} {number}", self._tokens, self._counter)


class _Tokens:
    """Tokens of each document as it stands in a context, counted when they are first asked for."""

    def __init__(self, documents: Sequence[str], counter: TokenCounter) -> None:
        self.documents = documents
        self._counter = counter
        self._known: dict[int, int] = {}

    def __getitem__(self, document: int) -> int:
        found = self._known.get(document)
        if found is None:
            text = _DOCUMENT.format(number=10, document=self.documents[document])
            found = self._known[document] = self._counter.counts([f"{text}\n\n"])[0]
        return found


@define(slots=False)
class Documents:
    """See `sah_tasks_ruler.draft.Draft`; a size is a number of tokens, of documents that the question can do without.

    They are taken in a random order, each that still fits; as in RULER, those of the question's own article (SQuAD)
    come first. None is there twice, where RULER repeats them for a length that all of them do not fill.
    """

    asked: Asked
    question: Question
    path: str
    """Of their file."""
    name: str
    """Seed of what is taken, and in which order it stands."""
    tokens: _Tokens
    counter: TokenCounter
    least: ClassVar[int] = 0

    def most(self, tokens: int) -> int:
        """As much as the documents that fit have; raises ConfigError where all of them are not enough."""
        room = tokens - self._fixed
        chosen = self._chosen(room)
        size = sum(self.tokens[document] for document in chosen)
        number = len(self.question.gold) + len(chosen)
        if number == len(self.tokens.documents) and size < room - tokens // 50:
            raise ConfigError(
                f"{self.path}: its {number} documents make a context of {self._fixed + size} tokens, and there is room "
                f"for {tokens}: ask for shorter contexts, or bring a file with more documents"
            )
        return size if room >= 0 else -1

    def estimate(self, size: int) -> int:
        """The question's own documents, and the others."""
        return self._fixed + size

    def context(self, size: int) -> str:
        """The documents, numbered in a random order."""
        found = [self.tokens.documents[number] for number in (*self.question.gold, *self._chosen(size))]
        Random(f"{self.name} places").shuffle(found)
        return _HEAD + "\n\n".join(
            _DOCUMENT.format(number=number, document=document) for number, document in enumerate(found, 1)
        )

    @cached_property
    def _fixed(self) -> int:
        return self.counter.piece(_HEAD) + sum(self.tokens[document] for document in self.question.gold)

    def _chosen(self, room: int) -> list[int]:
        chosen = []
        misses = 0
        for document in self._others():
            if misses == _MISSES or room <= 0:
                break
            needed = self.tokens[document]
            if needed <= room:
                chosen.append(document)
                room -= needed
            else:
                misses += 1
        return chosen

    def _others(self) -> Iterator[int]:
        """All documents but the question's own, always in the same order."""
        yield from self._drawn
        for document in self._undrawn:
            self._drawn.append(document)
            yield document

    @cached_property
    def _drawn(self) -> list[int]:
        return []

    @cached_property
    def _undrawn(self) -> Iterator[int]:
        rng = Random(f"{self.name} others")
        near = self.question.near
        first = [near[place] for place in _shuffled(len(near), rng)]
        there = {*self.question.gold, *near}
        others = (document for document in _shuffled(len(self.tokens.documents), rng) if document not in there)
        return chain(first, others)


def _shuffled(number: int, rng: Random) -> Iterator[int]:
    """The numbers below ``number`` in a random order, drawn one at a time: Fisher and Yates's way."""
    moved: dict[int, int] = {}
    for place in range(number):
        drawn = rng.randrange(place, number)
        yield moved.get(drawn, drawn)
        moved[drawn] = moved.get(place, place)
