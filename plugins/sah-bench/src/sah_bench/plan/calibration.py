"""`Calibration`: what maskers learn of a model before it is asked, from rows of tasks with their answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import field, frozen

from sah_bench.store.whole_files import write_whole
from sah_bench.tasks.row import Row
from sah_core.config import ModelConfig
from sah_core.masker_config import MaskerConfig

from .cell import address_of

__all__ = ["Calibration", "documents_of"]


@frozen(slots=False)
class Calibration:
    """One model, the text that it reads, and the maskers that learn from it; picklable."""

    model: ModelConfig
    maskers: tuple[MaskerConfig, ...]
    documents: tuple[str, ...] = field(repr=False)
    block: int
    passes: int
    identity: Mapping[str, Any] = field(repr=False)

    @cached_property
    def address(self) -> str:
        """16 hex digits of a hash over all that decides what is learned."""
        return address_of(self.identity)

    def __str__(self) -> str:
        return f"{self.model.name}: what {', '.join(masker.kind for masker in self.maskers)} learns"

    def run(self, folder: Path, device: str) -> None:
        """Read everything, and write a folder of its kind for each masker; goes on where an earlier run was stopped.

        ``device`` is the worker's, where the model's config leaves it open.
        Folders that are there already are left as they are. Raises what `sah calibrate` does.
        """
        from sah_hf.calibrating.calibrate import Calibrating
        from sah_hf.calibrating.settings import asked_calibrations
        from sah_hf.calibrating.text import read_blocks
        from sah_hf.models.loading import load_model

        text = folder / "text.jsonl"
        lines = (json.dumps({"text": document}, ensure_ascii=False) + "\n" for document in self.documents)
        write_whole(text, "".join(lines).encode())
        placed = {"device": device} if self.model.device == "auto" else {}
        loaded = load_model(self.model.model_copy(update=placed))
        blocks = read_blocks(text, loaded.tokenizer, self.block)
        for masker, settings in asked_calibrations(self.maskers, ()):
            Calibrating(
                config=masker,
                settings=settings,
                model=loaded.model,
                model_name=self.model.name,
                blocks=blocks,
                passes=self.passes,
                folder=folder / masker.kind,
            ).run()


def documents_of(tables: Iterable[Sequence[Row]]) -> Iterator[str]:
    """A text for each context: the context, and after it every question with the first of its answers.

    Tables take turns, so that no task comes last.
    """
    contexts = [[list(rows) for _, rows in groupby(table, lambda row: row.context)] for table in tables]
    for turn in range(max(map(len, contexts), default=0)):
        for table in contexts:
            if turn < len(table):
                asked = (f"{row.question} {row.answer_prefix}{row.answers[0]}" for row in table[turn])
                yield " ".join([table[turn][0].context, *asked])
