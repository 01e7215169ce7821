"""Records in LongBench's format, of words that are nobody's text."""

from __future__ import annotations

from typing import Any

from sah_tasks_longcontext.longbench.datasets import DATASETS, DatasetName

ANSWERS: dict[str, list[str]] = {
    "longbench_retrieval": ["Paragraph 7"],
    "longbench_retrieval_zh": ["段落7"],
    "longbench_count": ["7"],
    "longbench_classification": ["river"],
}
"""What right answers look like where a scorer asks for a form."""


def record(dataset: DatasetName, number: int = 0) -> dict[str, Any]:
    """The dataset's record of that number; its columns stand in the published order."""
    scorer = DATASETS[dataset].scorer
    return {
        "input": f"which {number} ?" if "{input}" in DATASETS[dataset].prompt else "",
        "context": f"stone {number} {{context}} river\n tree ",
        "answers": ANSWERS.get(scorer, ["river", "a river"]),
        "length": 4 + number,
        "dataset": dataset,
        "language": "zh" if scorer.endswith("zh") else "en",
        "all_classes": ["tree", "river"] if scorer == "longbench_classification" else None,
        "_id": f"{dataset}{number}",
    }
