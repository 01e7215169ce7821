"""`Ruler`: RULER's tasks, made for one tokenizer and length."""

from __future__ import annotations

import warnings
from typing import Any, Final

from sah_bench.tasks.row import Row
from sah_bench.tasks.task import TaskWarning
from sah_core.errors import ConfigError

from .choice import choose
from .common_words import CommonWords
from .config import RulerConfig
from .counter import TokenCounter
from .draft import Source
from .essays import Essays, read_essays
from .fit import fit
from .frequent_words import FrequentWords
from .haystacks import Noise
from .niah import Niah
from .qa import QuestionAnswering
from .variable_tracking import VariableTracking

__all__ = ["Ruler"]

_BY_LINES: Final = 4096
"""The length from which on noise comes in whole lines, as RULER has it: the shortest of its own lengths."""


class Ruler:
    """One of the 13 tasks: prompts and answers as NVIDIA/RULER makes them, of a length that is never exceeded.

    A length counts the context with the special tokens or the chat's that come before it, the question, the answer
    prefix and ``max_new_tokens``, each as the adapter tokenizes it.
    """

    def __init__(self, config: RulerConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int, tokenizer: Any) -> tuple[Row, ...]:
        """``samples`` rows, each of its own context; see `sah_bench.tasks.task.TokenizedTask`.

        ``extra`` has the task, the haystack where there is one, and the tokens that the row takes of the length.
        Warns where the haystack is not RULER's, where essays are repeated, and where questions do not fit. Raises
        ConfigError where there can be no such rows, RequestError where the tokenizer makes no tokens or has no chat.
        """
        config = self.config
        if length is None:
            raise ConfigError(f"task {config.label!r} needs a length, such as lengths: [4096, 8192]")
        counter = TokenCounter(tokenizer, chat=config.in_chat)
        haystack = self._haystack(length, counter)
        source = self._source(length, seed, haystack, counter)
        choice = choose(source, config.samples, length, counter)
        if choice.too_long:
            warnings.warn(
                f"{config.questions}: passed over {len(choice.too_long)} questions whose own documents do not fit in a "
                f"length of {length}; the longest needs {max(choice.too_long)}",
                TaskWarning,
                stacklevel=2,
            )
        found = fit(
            [sample.draft for sample in choice.samples], [length - sample.beside for sample in choice.samples], counter
        )
        if isinstance(haystack, Essays) and (most := max(each.size for each in found)) > len(haystack.words):
            warnings.warn(
                f"{config.essays} has {len(haystack.words)} words, {haystack.tokens} tokens: a context of length "
                f"{length} takes it {-(-most // len(haystack.words))} times, the last time perhaps not to its end",
                TaskWarning,
                stacklevel=2,
            )
        about = {"task": config.task, **({"haystack": config.hidden_in} if config.hidden_in else {})}
        return tuple(
            Row(
                each.context,
                sample.draft.asked.question,
                sample.draft.asked.answers,
                source.max_new_tokens,
                sample.draft.asked.answer_prefix,
                {**about, "tokens": each.tokens + sample.beside},
                chat=config.in_chat,
            )
            for sample, each in zip(choice.samples, found, strict=True)
        )

    def _haystack(self, length: int, counter: TokenCounter) -> Noise | Essays | None:
        config = self.config
        if config.without_essays:
            warnings.warn(
                f"RULER hides the needles of {config.task} in Paul Graham's essays, and the config names no file of "
                "them: they are hidden in noise; name one, such as essays: PaulGrahamEssays.json, or say "
                "haystack: noise",
                TaskWarning,
                stacklevel=2,
            )
        if config.hidden_in == "essay" and config.essays is not None:
            return Essays(read_essays(config.essays), counter)
        if config.hidden_in == "noise":
            return Noise(counter, "sentence" if length < _BY_LINES else "line")
        return None

    def _source(self, length: int, seed: int, haystack: Noise | Essays | None, counter: TokenCounter) -> Source:
        config = self.config
        if config.questions is not None:
            return QuestionAnswering(config.task, config.questions, seed, counter)
        if config.task == "cwe":
            return CommonWords(length, seed, counter)
        if config.task == "fwe":
            return FrequentWords(length, seed, counter)
        if config.task == "vt" and haystack is not None:
            return VariableTracking(seed, haystack, counter)
        return Niah(config.task, seed, haystack, counter)
