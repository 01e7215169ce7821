"""The 21 datasets of LongBench: prompts, lengths of answers and scorers, to the letter as they are published; light.

From ``config/dataset2prompt.json``, ``config/dataset2maxlen.json`` and ``eval.py`` of github.com/THUDM/LongBench,
"asconcisely" and spaces at the end included. The ports of other harnesses differ in them.
"""

# ruff: noqa: RUF001
# Chinese prompts have Chinese punctuation.

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from attrs import frozen

__all__ = ["DATASETS", "Dataset", "DatasetName"]

DatasetName = Literal[
    "narrativeqa",
    "qasper",
    "multifieldqa_en",
    "multifieldqa_zh",
    "hotpotqa",
    "2wikimqa",
    "musique",
    "dureader",
    "gov_report",
    "qmsum",
    "multi_news",
    "vcsum",
    "trec",
    "triviaqa",
    "samsum",
    "lsht",
    "passage_count",
    "passage_retrieval_en",
    "passage_retrieval_zh",
    "lcc",
    "repobench-p",
]


@frozen
class Dataset:
    """How a dataset is asked and scored."""

    category: Literal["one document", "documents", "summary", "few-shot", "synthetic", "code"]
    prompt: str
    """With the places of ``{context}`` and, where a question follows, ``{input}``."""
    max_new_tokens: int
    scorer: str
    extended: bool = False
    """Whether LongBench-E has it."""

    @property
    def continues(self) -> bool:
        """Whether an answer goes on with the text: such prompts are never put into a chat."""
        return self.category in ("few-shot", "code")

    @property
    def one_line(self) -> bool:
        """Whether only the first line of an answer counts."""
        return self.category == "few-shot"


_PASSAGES: Final = (
    "Answer the question based on the given passages. Only give me the answer and do not output any other words.\n\n"
    "The following are given passages.\n{context}\n\n"
    "Answer the question based on the given passages. Only give me the answer and do not output any other words.\n\n"
    "Question: {input}\nAnswer:"
)

DATASETS: Final[Mapping[DatasetName, Dataset]] = MappingProxyType(
    {
        "narrativeqa": Dataset(
            "one document",
            "You are given a story, which can be either a novel or a movie script, and a question. Answer the question "
            "asconcisely as you can, using a single phrase if possible. Do not provide any explanation.\n\n"
            "Story: {context}\n\n"
            "Now, answer the question based on the story asconcisely as you can, using a single phrase if possible. "
            "Do not provide any explanation.\n\nQuestion: {input}\n\nAnswer:",
            128,
            "longbench_qa_f1",
        ),
        "qasper": Dataset(
            "one document",
            "You are given a scientific article and a question. Answer the question as concisely as you can, using a "
            "single phrase or sentence if possible. If the question cannot be answered based on the information in the "
            'article, write "unanswerable". If the question is a yes/no question, answer "yes", "no", or '
            '"unanswerable". Do not provide any explanation.\n\n'
            "Article: {context}\n\n "
            "Answer the question based on the above article as concisely as you can, using a single phrase or sentence "
            "if possible. If the question cannot be answered based on the information in the article, write "
            '"unanswerable". If the question is a yes/no question, answer "yes", "no", or "unanswerable". '
            "Do not provide any explanation.\n\nQuestion: {input}\n\nAnswer:",
            128,
            "longbench_qa_f1",
            extended=True,
        ),
        "multifieldqa_en": Dataset(
            "one document",
            "Read the following text and answer briefly.\n\n{context}\n\n"
            "Now, answer the following question based on the above text, only give me the answer and do not output any "
            "other words.\n\nQuestion: {input}\nAnswer:",
            64,
            "longbench_qa_f1",
            extended=True,
        ),
        "multifieldqa_zh": Dataset(
            "one document",
            "阅读以下文字并用中文简短回答：\n\n{context}\n\n"
            "现在请基于上面的文章回答下面的问题，只告诉我答案，不要输出任何其他字词。\n\n问题：{input}\n回答：",
            64,
            "longbench_qa_f1_zh",
        ),
        "hotpotqa": Dataset("documents", _PASSAGES, 32, "longbench_qa_f1", extended=True),
        "2wikimqa": Dataset("documents", _PASSAGES, 32, "longbench_qa_f1", extended=True),
        "musique": Dataset("documents", _PASSAGES, 32, "longbench_qa_f1"),
        "dureader": Dataset(
            "documents",
            "请基于给定的文章回答下述问题。\n\n文章：{context}\n\n请基于上述文章回答下面的问题。\n\n问题：{input}\n回答：",
            128,
            "longbench_rouge_zh",
        ),
        "gov_report": Dataset(
            "summary",
            "You are given a report by a government agency. Write a one-page summary of the report.\n\n"
            "Report:\n{context}\n\nNow, write a one-page summary of the report.\n\nSummary:",
            512,
            "longbench_rouge",
            extended=True,
        ),
        "qmsum": Dataset(
            "summary",
            "You are given a meeting transcript and a query containing a question or instruction. Answer the query in "
            "one or more sentences.\n\nTranscript:\n{context}\n\n"
            "Now, answer the query based on the above meeting transcript in one or more sentences.\n\n"
            "Query: {input}\nAnswer:",
            512,
            "longbench_rouge",
        ),
        "multi_news": Dataset(
            "summary",
            "You are given several news passages. Write a one-page summary of all news. \n\n"
            "News:\n{context}\n\nNow, write a one-page summary of all the news.\n\nSummary:",
            512,
            "longbench_rouge",
            extended=True,
        ),
        "vcsum": Dataset(
            "summary",
            "下面有一段会议记录，请你阅读后，写一段总结，总结会议的内容。\n会议记录：\n{context}\n\n会议总结：",
            512,
            "longbench_rouge_zh",
        ),
        "trec": Dataset(
            "few-shot",
            "Please determine the type of the question below. Here are some examples of questions.\n\n"
            "{context}\n{input}",
            64,
            "longbench_classification",
            extended=True,
        ),
        "triviaqa": Dataset(
            "few-shot",
            "Answer the question based on the given passage. Only give me the answer and do not output any other "
            "words. The following are some examples.\n\n{context}\n\n{input}",
            32,
            "longbench_qa_f1",
            extended=True,
        ),
        "samsum": Dataset(
            "few-shot",
            "Summarize the dialogue into a few short sentences. The following are some examples.\n\n"
            "{context}\n\n{input}",
            128,
            "longbench_rouge",
            extended=True,
        ),
        "lsht": Dataset(
            "few-shot",
            "请判断给定新闻的类别，下面是一些例子。\n\n{context}\n{input}",
            64,
            "longbench_classification",
        ),
        "passage_count": Dataset(
            "synthetic",
            "There are some paragraphs below sourced from Wikipedia. Some of them may be duplicates. Please carefully "
            "read these paragraphs and determine how many unique paragraphs there are after removing duplicates. In "
            "other words, how many non-repeating paragraphs are there in total?\n\n{context}\n\n"
            "Please enter the final count of unique paragraphs after removing duplicates. The output format should "
            "only contain the number, such as 1, 2, 3, and so on.\n\nThe final answer is: ",
            32,
            "longbench_count",
            extended=True,
        ),
        "passage_retrieval_en": Dataset(
            "synthetic",
            "Here are 30 paragraphs from Wikipedia, along with an abstract. Please determine which paragraph the "
            "abstract is from.\n\n{context}\n\nThe following is an abstract.\n\n{input}\n\n"
            "Please enter the number of the paragraph that the abstract is from. The answer format must be like "
            '"Paragraph 1", "Paragraph 2", etc.\n\nThe answer is: ',
            32,
            "longbench_retrieval",
            extended=True,
        ),
        "passage_retrieval_zh": Dataset(
            "synthetic",
            "以下是若干段落文字，以及其中一个段落的摘要。请确定给定的摘要出自哪一段。\n\n{context}\n\n"
            "下面是一个摘要\n\n{input}\n\n"
            '请输入摘要所属段落的编号。答案格式必须是"段落1"，"段落2"等格式\n\n答案是：',
            32,
            "longbench_retrieval_zh",
        ),
        "lcc": Dataset(
            "code",
            "Please complete the code given below. \n{context}Next line of code:\n",
            64,
            "longbench_code_sim",
            extended=True,
        ),
        "repobench-p": Dataset(
            "code",
            "Please complete the code given below. \n{context}{input}Next line of code:\n",
            64,
            "longbench_code_sim",
            extended=True,
        ),
    }
)
"""In the order of the set's own list."""
