"""Two samples of each task as ZeroSCROLLS' published files have them, but for their length."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INSTRUCTIONS: Mapping[str, tuple[str, str, str]] = {
    "gov_report": (
        "You are given a report by a government agency. Write a one-page summary of the report.\n\nReport:\n",
        "",
        "Summary:",
    ),
    "summ_screen_fd": (
        "You are given a script of a TV episode. Summarize the episode in a paragraph.\n\nEpisode Script:\n",
        "",
        "Summary:",
    ),
    "qmsum": (
        "You are given a meeting transcript and a query containing a question or instruction. Answer the query in one "
        "or more sentences.\n\nTranscript:\n",
        "Query:\nWhat was decided?\n\n",
        "Answer:",
    ),
    "squality": (
        "You are given a story and a question. Answer the question in a paragraph.\n\nStory:\n",
        "Question:\nWhat happens?\n\n",
        "Answer:",
    ),
    "qasper": (
        "You are given a scientific article and a question. [...]\n\nArticle:\n",
        "Question:\nWhat is shown?\n\n",
        "Answer:",
    ),
    "narrative_qa": (
        "You are given a story, which can be either a novel or a movie script, and a question. [...]\n\nStory:\n",
        "Question:\nWho is it?\n\n",
        "Answer:",
    ),
    "quality": (
        "You are provided a story and a multiple-choice question with 4 possible answers. [...]\n\nStory:\n",
        "Question and Possible Answers:\nWho?\n (A) Meg\n (B) Tank\n (C) Kyle\n (D) Grace\n\n",
        "Answer:",
    ),
    "musique": (
        "You are given several paragraphs from Wikipedia and a question. [...]\n\nParagraphs:\n",
        "Question:\nWhere?\n\n",
        "Answer:",
    ),
    "space_digest": (
        "You are given a list of reviews about a specific hotel. [...]\n\nReviews:\n",
        "",
        "Percentage of Positive Reviews:",
    ),
    "book_sum_sort": (
        "You are given 3 summaries of chapters or parts of a novel, in a shuffled order. [...]\n\nSummaries:\n",
        "",
        "Summary IDs in Correct Order:",
    ),
}
"""What stands before the document, the query, and what the answer follows; cut where it makes no difference."""

ANSWERS: Mapping[str, Sequence[Sequence[str]]] = {
    "gov_report": [["The agency reports."], ["Nothing else."]],
    "summ_screen_fd": [["Meg runs."], ["Andy sleeps."]],
    "qmsum": [["A remote control."], ["Nothing."]],
    "squality": [["It rains.", "There is rain.", "Rain falls.", "It is wet."], ["The sun shines.", "It is dry."]],
    "qasper": [["Unanswerable", "a new corpus"], ["Yes"]],
    "narrative_qa": [["Mrs Dalloway", "Clarissa"], ["A butler"]],
    "quality": [["B"], ["D"]],
    "musique": [["Rome"], ["unanswerable"]],
    "space_digest": [["60%"], ["34%"]],
    "book_sum_sort": [["2, 1, 3"], ["3, 1, 2"]],
}

DOCUMENTS = ("The first document ends here.\n\n", "The second document is another.\n\n")


def records(task: str, *, answered: bool = True) -> list[dict[str, Any]]:
    """A record for each right answer, as in the published validation split; or none of them, as in the test split."""
    before, query, after = INSTRUCTIONS[task]
    found = []
    for at, (document, answers) in enumerate(zip(DOCUMENTS, ANSWERS[task], strict=True)):
        end = len(before) + len(document)
        for number, answer in enumerate(answers if answered else [None]):
            found.append(
                {
                    "id": f"{task}_{at}",
                    "pid": f"{task}_{at}_{number}",
                    "input": before + document + query + after,
                    "output": answer,
                    "document_start_index": len(before),
                    "document_end_index": end,
                    "query_start_index": end,
                    "query_end_index": end + len(query),
                    "truncation_seperator": "... [The rest is omitted]\n\n",
                }
            )
    return found


def lines(found: Sequence[Mapping[str, Any]]) -> str:
    """As JSON lines."""
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found)


def write_archive(folder: Path, task: str) -> Path:
    """``TASK.zip`` with both splits, as it is published."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{task}.zip", "w") as archive:
        archive.writestr(f"{task}/validation.jsonl", lines(records(task)))
        archive.writestr(f"{task}/test.jsonl", lines(records(task, answered=False)))
    return folder / f"{task}.zip"
