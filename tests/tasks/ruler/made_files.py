"""Files as users bring them: essays, and questions in the formats of SQuAD and HotpotQA; and a config of each task."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any, get_args

from sah_tasks_ruler.config import HAYSTACK_OF, RulerConfig, TaskName
from sah_tasks_ruler.words import english_words

TASKS: tuple[TaskName, ...] = get_args(TaskName)


def essay(words: int) -> str:
    """So many words, in sentences of seven and paragraphs of seventy."""
    rng = Random(0)
    drawn = [rng.choice(english_words().all) for _ in range(words)]
    parts = []
    for number, word in enumerate(drawn):
        start = word.capitalize() if number % 7 == 0 else word
        end = {69: ".\n\n"}.get(number % 70, ". " if number % 7 == 6 else " ")
        parts.append(start + end)
    return "".join(parts)


def squad(articles: int = 8, paragraphs: int = 12) -> dict[str, Any]:
    """A file like dev-v2.0.json: each paragraph has a question with an answer, and one without."""
    rng = Random(1)
    return {
        "version": "v2.0",
        "data": [
            {
                "title": f"Article {article}",
                "paragraphs": [_paragraph(f"P{article}-{number}", rng) for number in range(paragraphs)],
            }
            for article in range(articles)
        ],
    }


def _paragraph(name: str, rng: Random) -> dict[str, Any]:
    words = rng.sample(english_words().nouns, rng.randint(8, 60))
    context = f"The place {name} has {' and '.join(words)}."
    answer = {"text": words[0], "answer_start": context.index(words[0])}
    return {
        "context": context,
        "qas": [
            {
                "question": f"What does {name} have first?",
                "id": f"{name}a",
                "answers": [answer, answer, {"text": f"{words[0]} and {words[1]}", "answer_start": 0}],
                "is_impossible": False,
            },
            {
                "question": f"What did {name} lose?",
                "id": f"{name}b",
                "answers": [],
                "plausible_answers": [answer],
                "is_impossible": True,
            },
        ],
    }


def hotpot(questions: int = 40) -> list[dict[str, Any]]:
    """A file like hotpot_dev_distractor_v1.json: ten paragraphs a question, two of which support the answer."""
    rng = Random(2)
    found = []
    for number in range(questions):
        titles = [f"Title {number}-{place}" for place in range(10)]
        context = [
            [
                title,
                [f"{title} is near.", f" It has {' '.join(rng.sample(english_words().nouns, rng.randint(1, 14)))}."],
            ]
            for title in titles
        ]
        found.append(
            {
                "_id": f"id{number}",
                "question": f"Which of {titles[0]} and {titles[1]} is near?",
                "answer": "both",
                "type": "comparison",
                "level": "hard",
                "supporting_facts": [[titles[0], 0], [titles[1], 0]],
                "context": context,
            }
        )
    return found


def written(folder: Path) -> dict[str, str]:
    """The files of all three kinds in a folder, by their names."""
    files = {
        "essays.txt": essay(6000),
        "squad.json": json.dumps(squad()),
        "hotpot.json": json.dumps(hotpot()),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return {name: str(folder / name) for name in files}


def config_of(task: TaskName, files: dict[str, str], **changes: Any) -> RulerConfig:
    """The config of a task with the files that it needs."""
    given: dict[str, Any] = {"task": task, "samples": 2}
    if HAYSTACK_OF.get(task) == "essay":
        given["essays"] = files["essays.txt"]
    if task == "qa_1":
        given["questions"] = files["squad.json"]
    if task == "qa_2":
        given["questions"] = files["hotpot.json"]
    return RulerConfig.model_validate({**given, **changes})
