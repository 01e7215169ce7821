"""Two records of each task as the published files have them, but for their length; and their prompts, written out."""

# ruff: noqa: RUF001
# A Chinese prompt has Chinese punctuation.

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

BOOK = "Chapter One. Seb and Peyton went to the lighthouse."
KEYS = 'JSON data:\n{"e6aa": "0f11", "ce06": "00a0"}'
CODE = "def f(x):\n    return x +\n\ndef g(x):\n    return {x}\n"
FUNCTIONS = "def func_1(x):\n    return func_2(x) + 2\n\ndef func_2(x):\n    return x - 3\n"


def record(number: int, context: str, asked: str, answer: Any, options: Sequence[str] = ()) -> dict[str, Any]:
    return {"id": number, "context": context, "input": asked, "answer": answer, "options": list(options)}


RECORDS: Mapping[str, Sequence[dict[str, Any]]] = {
    "passkey": [
        record(0, "The grass is green. The pass key is 71432. Remember it.", "What is the pass key?", ["71432"]),
        record(1, "The pass key is 00846. The sky is blue.", "What is the pass key?", ["00846"]),
    ],
    "number_string": [
        record(
            0, "The sequence of digits is 2200012222. Remember it.", "What is the sequence of digits?", "2200012222"
        ),
        record(1, "The sequence of digits is 9911111119.", "What is the sequence of digits?", ["9911111119"]),
    ],
    "kv_retrieval": [
        record(0, KEYS, '\nKey: "ce06"\nThe value associated with the specified key is: ', ["00a0"]),
        record(1, KEYS, '\nKey: "e6aa"\nThe value associated with the specified key is: ', ["0f11"]),
    ],
    "longdialogue_qa_eng": [
        record(0, "ACE\nHello.\n$$MASK$$\nHi.", "Which character is $$MASK$$ ?", ["GINGER"]),
        record(1, "ACE\nHello.\nNICKY\nHi.\n$$MASK$$\nNo.", "Which character is $$MASK$$ ?", ["ACE", "ACE ROTHSTEIN"]),
    ],
    "longbook_sum_eng": [
        record(0, BOOK, "", ["Seb and Peyton\nvisit a lighthouse."]),
        record(1, "Chapter Two. It rained.", "", ["There was rain."]),
    ],
    "longbook_choice_eng": [
        record(0, BOOK, "Where did they go?", ["The lighthouse"], ["Home", "Rome", "The lighthouse", "Nowhere"]),
        record(1, BOOK, "Who went?", "Seb and Peyton", ["Seb and Peyton", "Seb", "Peyton", "Nobody"]),
    ],
    "longbook_qa_eng": [
        record(0, BOOK, "Who went with Seb?", ["Peyton", '"Peyton"']),
        record(1, BOOK, "Where did they go?", ["to the lighthouse"]),
    ],
    "longbook_qa_chn": [
        record(0, "第一章 他去了上海。", "他去了哪里？", ["上海"]),
        record(1, "第二章 天下雨了。", "天气如何？", ["下雨"]),
    ],
    "math_find": [
        record(
            0,
            "[3, 41, 7]",
            "You should answer with only one number, no other words. The largest number of the list is: ",
            [41],
        ),
        record(1, "[1, 2.5, 4]", "You should answer with only one number. The median number of the list is: ", [2.5]),
    ],
    "math_calc": [
        record(0, "1 + 2 - 4", "", [1, 3, -1]),
        record(1, "5 + 5 + 5", "", [[5, 10, 15]]),
    ],
    "code_run": [
        record(0, FUNCTIONS, "Please give me the exact number of the return value of func_1(-3).", [-4]),
        record(1, FUNCTIONS, "Please give me the exact number of the return value of func_2(8).", [5]),
    ],
    "code_debug": [
        record(0, CODE, "Which function has deliberate error?", ["f"], ["g", "f", "main", "run"]),
        record(1, CODE + "\n", "Which function has deliberate error?", ["f", "A"], ["f", "g", "main", "run"]),
    ],
}

FIRST_PROMPTS: Mapping[str, str] = {
    "passkey": (
        "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. I will quiz you "
        "about the important information.\n\nThe grass is green. The pass key is 71432. Remember it.\n\n"
        "What is the pass key?\n\nThe pass key is"
    ),
    "number_string": (
        "There is an important info hidden inside a lot of irrelevant text. Find it. I will quiz you about the "
        "important information there.\n\nThe sequence of digits is 2200012222. Remember it.\n\n"
        "What is the sequence of digits?\n\nThe sequence of digits is"
    ),
    "kv_retrieval": (
        "Extract the value corresponding to the specified key in the JSON object below.\n\n"
        'JSON data:\n{"e6aa": "0f11", "ce06": "00a0"}\n\n'
        '\nKey: "ce06"\nThe value associated with the specified key is: '
    ),
    "longdialogue_qa_eng": (
        "Below is a dialogue script where one random occurrence of a character name is replaced with "
        '"$$MASK$$", and you should try to guess who that character is.\n\nACE\nHello.\n$$MASK$$\nHi.\n\n'
        "The name that has been replaced with $$MASK$$ is likely"
    ),
    "longbook_sum_eng": (
        "Summarize the book below.\n\nChapter One. Seb and Peyton went to the lighthouse.\n\nSummary:"
    ),
    "longbook_choice_eng": (
        "Read the book and answer the question.\n\nChapter One. Seb and Peyton went to the lighthouse.\n\n"
        "Question: Where did they go?\nA. Home\nB. Rome\nC. The lighthouse\nD. Nowhere\n\n"
        "The letter of the correct answer is"
    ),
    "longbook_qa_eng": (
        "Read the book and answer the question. Be very concise in your answer.\n\n"
        "Chapter One. Seb and Peyton went to the lighthouse.\n\nQuestion: Who went with Seb?\nAnswer:"
    ),
    "longbook_qa_chn": "阅读以下书籍然后回答问题。\n\n第一章 他去了上海。\n\n问题：他去了哪里？\n答案：",
    "math_find": (
        "What is the largest number in the following list?\n\n[3, 41, 7]\n\n"
        "You should answer with only one number, no other words. The largest number of the list is: "
    ),
    "math_calc": (
        "Let us calculate the intermediate values of an expression.\n\nExpression: 1 + 3 + 4\nValues: [1, 4, 8]\n\n"
        "Expression: 8 - 3 + 2 - 4\nValues: [8, 5, 7, 3]\n\nExpression: 1 + 2 - 4\nValues:"
    ),
    "code_run": (
        "There is a function called func_1 in the following Python code.\n\n"
        "def func_1(x):\n    return func_2(x) + 2\n\ndef func_2(x):\n    return x - 3\n\n\n"
        "Please compute the exact value of func_1(-3). The value of func_1(-3) is"
    ),
    "code_debug": (
        "Following is a Python code where exactly one of the functions/methods has a deliberate error that makes it "
        "crash.\n\ndef f(x):\n    return x +\n\ndef g(x):\n    return {x}\n\n\n"
        "Options:\nA. g\nB. f\nC. main\nD. run\n\nThe correct option is:"
    ),
}

ANSWERS: Mapping[str, Sequence[tuple[str, ...]]] = {
    "passkey": [("71432",), ("00846",)],
    "number_string": [("2200012222",), ("9911111119",)],
    "kv_retrieval": [("00a0",), ("0f11",)],
    "longdialogue_qa_eng": [("GINGER",), ("ACE", "ACE ROTHSTEIN")],
    "longbook_sum_eng": [("Seb and Peyton\nvisit a lighthouse.",), ("There was rain.",)],
    "longbook_choice_eng": [("The lighthouse", "C"), ("Seb and Peyton", "A")],
    "longbook_qa_eng": [("Peyton", '"Peyton"'), ("to the lighthouse",)],
    "longbook_qa_chn": [("上海",), ("下雨",)],
    "math_find": [("41",), ("2.5",)],
    "math_calc": [("[1, 3, -1]",), ("[5, 10, 15]",)],
    "code_run": [("-4",), ("5",)],
    "code_debug": [("f", "B"), ("f", "A")],
}


def write(file: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """A file of JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), "utf-8")
    return file
