"""The config of RULER's tasks; light."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from sah_bench.tasks.task import TaskConfig

__all__ = ["HAYSTACK_OF", "QUESTION_FILES", "HaystackName", "RulerConfig", "TaskName"]

TaskName = Literal[
    "niah_single_1",
    "niah_single_2",
    "niah_single_3",
    "niah_multikey_1",
    "niah_multikey_2",
    "niah_multikey_3",
    "niah_multivalue",
    "niah_multiquery",
    "vt",
    "cwe",
    "fwe",
    "qa_1",
    "qa_2",
]

HaystackName = Literal["noise", "essay", "needle"]

HAYSTACK_OF: Final[dict[TaskName, HaystackName]] = {
    "niah_single_1": "noise",
    "niah_single_2": "essay",
    "niah_single_3": "essay",
    "niah_multikey_1": "essay",
    "niah_multikey_2": "needle",
    "niah_multikey_3": "needle",
    "niah_multivalue": "essay",
    "niah_multiquery": "essay",
    "vt": "noise",
}
"""What each task that hides something hides it in, as RULER has it."""

QUESTION_FILES: Final[dict[TaskName, str]] = {
    "qa_1": "SQuAD's, published as https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v2.0.json",
    "qa_2": "HotpotQA's, published as http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_dev_distractor_v1.json",
}
"""The file of questions that each task needs, and where it is published."""


class RulerConfig(TaskConfig):
    """One of RULER's 13 tasks (Hsieh et al. 2024, arXiv:2404.06654), made for the model's own tokenizer.

    A length counts all that the model holds: context, question, answer prefix, and room for the answer.
    """

    sized: ClassVar[bool] = True
    seeded: ClassVar[bool] = True
    tokenized: ClassVar[bool] = True

    kind: Literal["ruler"] = "ruler"
    task: TaskName = Field(description="niah_single_1 to qa_2, as RULER calls it")
    samples: int | None = Field(
        default=100, ge=1, description="how many, each a context of its own with one question; null: all of a qa file"
    )
    haystack: HaystackName | None = Field(
        default=None,
        description="what needles and variables are hidden in; default: RULER's own, but noise for essays without file",
    )
    essays: str | None = Field(
        default=None,
        min_length=1,
        description="a file of text, or a .json, .jsonl, .csv or .parquet with a column text: what RULER calls essays",
    )
    questions: str | None = Field(
        default=None, min_length=1, description="qa_1: SQuAD's dev-v2.0.json; qa_2: HotpotQA's dev_distractor_v1.json"
    )

    @property
    def label(self) -> str:
        """Its name, or RULER's name of the task."""
        return self.name or f"{self.kind} {self.task}"

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or RULER's for the task."""
        return self.scorer or ("ruler_part" if self.task in QUESTION_FILES else "ruler_all")

    @property
    def hidden_in(self) -> HaystackName | None:
        """The haystack, None where the task has none."""
        own = self.haystack or HAYSTACK_OF.get(self.task)
        return "noise" if self.without_essays else own

    @property
    def without_essays(self) -> bool:
        """Whether RULER takes essays, and noise stands in for them because the config names none."""
        return self.haystack is None and self.essays is None and HAYSTACK_OF.get(self.task) == "essay"

    @model_validator(mode="after")
    def _check_haystack(self) -> Self:
        task, haystack = self.task, self.haystack
        own = HAYSTACK_OF.get(task)
        if haystack is not None and own is None:
            raise ValueError(f"{task} hides nothing in a haystack: leave haystack out")
        if haystack == "needle" and task == "vt":
            raise ValueError("vt has no needles that could be its haystack: choose noise or essay")
        if haystack == "essay" and self.essays is None:
            raise ValueError("haystack: essay needs a file of essays, such as essays: PaulGrahamEssays.json")
        if self.essays is not None and (haystack or own) != "essay":
            if own is None:
                raise ValueError(f"{task} has no haystack that could be essays: leave essays out")
            raise ValueError(f"{task} has the haystack {haystack or own}: leave essays out, or choose haystack: essay")
        return self

    @model_validator(mode="after")
    def _check_questions(self) -> Self:
        file = QUESTION_FILES.get(self.task)
        if file is not None and self.questions is None:
            raise ValueError(f"{self.task} needs questions: the path of a file like {file}")
        if file is None and self.questions is not None:
            raise ValueError(f"{self.task} makes its own questions: leave questions out, which {_QA} need")
        if file is None and self.samples is None:
            raise ValueError(f"{self.task} never runs out of samples: give a number, such as samples: 100")
        return self


_QA: Final = " and ".join(QUESTION_FILES)
