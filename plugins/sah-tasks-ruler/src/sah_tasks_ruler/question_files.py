"""Read SQuAD's and HotpotQA's files of questions, in the formats in which they are published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Self, TypeVar

from attrs import frozen
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from sah_core.errors import ConfigError

from .config import QUESTION_FILES, TaskName

__all__ = ["Question", "QuestionFile", "read_questions"]

_T = TypeVar("_T")
_Text = Annotated[str, Field(min_length=1)]


@frozen
class Question:
    """A question, and the numbers of documents that belong to it."""

    text: str
    answers: tuple[str, ...]
    gold: tuple[int, ...]
    """Documents that have to be there."""
    near: tuple[int, ...] = ()
    """Documents that RULER takes first of all others: those of the same article of SQuAD."""


@frozen
class QuestionFile:
    """All questions that have an answer, in the file's order, and all documents, each once, in alphabetical order."""

    questions: tuple[Question, ...]
    documents: tuple[str, ...]


def read_questions(task: TaskName, path: str) -> QuestionFile:
    """The file of ``qa_1`` (SQuAD) or ``qa_2`` (HotpotQA).

    Raises ConfigError, in one sentence, for a file that cannot be read or is not of this format, with the place in it.
    """
    found = _squad(task, path) if task == "qa_1" else _hotpot(task, path)
    if not found.questions:
        raise ConfigError(f"{path}: has no question with an answer; {task} needs a file like {QUESTION_FILES[task]}")
    return found


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class _Answer(_Part):
    text: _Text


class _Asked(_Part):
    question: _Text
    answers: list[_Answer]
    is_impossible: bool = False  # which SQuAD 1.1 has not

    @model_validator(mode="after")
    def _check_answers(self) -> Self:
        if not self.answers and not self.is_impossible:
            raise ValueError("has no answers, and is not said to be impossible")
        return self


class _Paragraph(_Part):
    context: _Text
    qas: list[_Asked]


class _Article(_Part):
    paragraphs: list[_Paragraph]


class _Squad(_Part):
    data: list[_Article]


class _HotpotQuestion(_Part):
    question: _Text
    answer: _Text
    context: Annotated[list[tuple[str, list[str]]], Field(min_length=1)]


_SQUAD: Final = TypeAdapter(_Squad)
_HOTPOT: Final = TypeAdapter(list[_HotpotQuestion])


def _squad(task: TaskName, path: str) -> QuestionFile:
    articles = _parsed(task, path, _SQUAD.validate_json).data
    documents = sorted({paragraph.context for article in articles for paragraph in article.paragraphs})
    number = {document: place for place, document in enumerate(documents)}
    questions = []
    for article in articles:
        all_of_it = dict.fromkeys(number[paragraph.context] for paragraph in article.paragraphs)
        for paragraph in article.paragraphs:
            gold = number[paragraph.context]
            near = tuple(document for document in all_of_it if document != gold)
            questions += [
                Question(asked.question, tuple(dict.fromkeys(answer.text for answer in asked.answers)), (gold,), near)
                for asked in paragraph.qas
                if not asked.is_impossible
            ]
    return QuestionFile(tuple(questions), tuple(documents))


def _hotpot(task: TaskName, path: str) -> QuestionFile:
    asked = _parsed(task, path, _HOTPOT.validate_json)
    of_each = [[f"{title}\n{''.join(sentences)}" for title, sentences in each.context] for each in asked]
    documents = sorted({document for found in of_each for document in found})
    number = {document: place for place, document in enumerate(documents)}
    questions = (
        Question(each.question, (each.answer,), tuple(dict.fromkeys(number[document] for document in found)))
        for each, found in zip(asked, of_each, strict=True)
    )
    return QuestionFile(tuple(questions), tuple(documents))


def _parsed(task: TaskName, path: str, parse: Callable[[bytes], _T]) -> _T:
    try:
        return parse(Path(path).read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; {task} needs one like {QUESTION_FILES[task]}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"{path}: {f'at {place}: ' if place else ''}{said}; {task} needs a file like {QUESTION_FILES[task]}"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a name that is none
        raise ConfigError(f"{path}: the file cannot be read: {getattr(error, 'strerror', None) or error}") from error
