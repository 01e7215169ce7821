"""Records of LooGLE in both forms in which it was published, but for their length; and their prompts, written out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PLAY = "INT. LAB - NIGHT\nMeg wakes. Andy sleeps."
FILM = "EXT. PARK - DAY\nTank runs."
PAPER = "We study {braces} in long papers."

QUESTIONS: Mapping[str, Mapping[str, Sequence[tuple[str, Any]]]] = {
    "shortdep_qa": {
        PLAY: [("Who wakes?", "Meg wakes."), ("Who doesn't?", 'Andy, who "sleeps".')],
        FILM: [("Who runs?", "Tank.")],
    },
    "longdep_qa": {PLAY: [("How many are there?", "Two.")], FILM: [("Where is it?", "In a park.")]},
    "shortdep_cloze": {
        PLAY: [("<mask-0> wakes, <mask-1> sleeps.", {"<mask-0>": "Meg", "<mask-1>": "Andy"})],
        FILM: [("<mask-0> runs.", {"<mask-0>": "Tank Gary"})],
    },
}
"""By task and document, questions with their answers."""

SUMMARIES: Mapping[str, str] = {PAPER: "Braces are studied.", "Another paper.": "Another summary."}

FILES: Mapping[str, str] = {
    "shortdep_qa": "shortdep_qa.jsonl",
    "longdep_qa": "longdep_qa.jsonl",
    "shortdep_cloze": "shortdep_cloze.jsonl",
    "longdep_summarization": "summarization.jsonl",
}


def flat(task: str) -> list[dict[str, Any]]:
    """A question a record, as in the files on the hub today."""
    if task == "longdep_summarization":
        return [
            {"id": f"s{at}", "doc_id": str(at), "title": "t", "context": text, "question": "none", "output": said}
            for at, (text, said) in enumerate(SUMMARIES.items())
        ]
    return [
        {
            "id": f"{at}_{number}",
            "doc_id": str(at),
            "title": "t",
            "context": text,
            "question": question,
            "answer": str(answer),  # a mapping as Python writes it
            "evidence": "e",
            "output": "none",
        }
        for at, (text, pairs) in enumerate(QUESTIONS[task].items())
        for number, (question, answer) in enumerate(pairs)
    ]


def nested(task: str) -> list[dict[str, Any]]:
    """A document a record, its questions written as Python writes them, as in the first files and on GitHub."""
    if task == "longdep_summarization":
        return [
            {"input": text, "title": "2209.08654", "qa_pairs": "none", "output": said}
            for text, said in SUMMARIES.items()
        ]
    return [
        {
            "input": text,
            "title": "t",
            "qa_pairs": str([{"Q": question, "S": ["e"], "A": answer} for question, answer in pairs]),
            "output": "none",
        }
        for text, pairs in QUESTIONS[task].items()
    ]


PROMPTS: Mapping[str, Sequence[str]] = {
    "shortdep_qa": [
        "Please answer the question based on the long texts below. \n"
        "INT. LAB - NIGHT\nMeg wakes. Andy sleeps.\nQuestion: Who wakes?\nAnswer: ",
        "Please answer the question based on the long texts below. \n"
        "INT. LAB - NIGHT\nMeg wakes. Andy sleeps.\nQuestion: Who doesn't?\nAnswer: ",
        "Please answer the question based on the long texts below. \n"
        "EXT. PARK - DAY\nTank runs.\nQuestion: Who runs?\nAnswer: ",
    ],
    "longdep_qa": [
        "Please answer the question based on the long texts below. \n"
        "INT. LAB - NIGHT\nMeg wakes. Andy sleeps.\nQuestion: How many are there?\nAnswer: ",
        "Please answer the question based on the long texts below. \n"
        "EXT. PARK - DAY\nTank runs.\nQuestion: Where is it?\nAnswer: ",
    ],
    "shortdep_cloze": [
        "Please fill in the clozes based on the given long texts below. Each of the placeholder '<mask-n>' in the "
        "question could be an entity of Person, Location or Organiocation. The same masks represent the same entity. "
        "Output a json format answer, for example: {'<mask-0>': 'Bob', '<mask-1>': 'Gorrosion Magazine','<mask-2>': "
        "'Bethel Horizon'}\nINT. LAB - NIGHT\nMeg wakes. Andy sleeps.\n Question: <mask-0> wakes, <mask-1> sleeps. "
        "What are the masked entities? \nAnswer:",
        "Please fill in the clozes based on the given long texts below. Each of the placeholder '<mask-n>' in the "
        "question could be an entity of Person, Location or Organiocation. The same masks represent the same entity. "
        "Output a json format answer, for example: {'<mask-0>': 'Bob', '<mask-1>': 'Gorrosion Magazine','<mask-2>': "
        "'Bethel Horizon'}\nEXT. PARK - DAY\nTank runs.\n Question: <mask-0> runs. "
        "What are the masked entities? \nAnswer:",
    ],
    "longdep_summarization": [
        "Please generate a summary of the below paper. \nWe study {braces} in long papers.\n Summarization: ",
        "Please generate a summary of the below paper. \nAnother paper.\n Summarization: ",
    ],
}

ANSWERS: Mapping[str, Sequence[str]] = {
    "shortdep_qa": ["Meg wakes.", 'Andy, who "sleeps".', "Tank."],
    "longdep_qa": ["Two.", "In a park."],
    "shortdep_cloze": ['{"<mask-0>": "Meg", "<mask-1>": "Andy"}', '{"<mask-0>": "Tank Gary"}'],
    "longdep_summarization": ["Braces are studied.", "Another summary."],
}


def write(file: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """A file of JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), "utf-8")
    return file
