"""Text for calibration: documents of the right length, whose questions are answered."""

import json
from pathlib import Path

import pytest

from sah_core import UsageError
from sah_core.cli import main
from sah_model_needle.text import write_text
from sah_model_needle.tokenizer import build_tokenizer
from sah_model_needle.vocabulary import QUESTION, spell


def test_documents_are_contexts_with_answered_questions(tmp_path: Path) -> None:
    """Each line is a text of at most ``length`` known tokens; every asked key's answer is one of its records."""
    file = tmp_path / "text.jsonl"
    assert main(["needle-text", "-o", str(file), "--documents", "4", "--length", "256", "--seed", "3"]) == 0
    tokenizer = build_tokenizer()
    lines = file.read_text().splitlines()
    assert len(lines) == 4
    for line in lines:
        text = json.loads(line)["text"]
        ids = tokenizer.encode(text).ids
        assert 150 < len(ids) <= 256
        assert len(ids) == len(text.split()) + 1  # <bos>; a word that it does not know would have no token
        context, *asked = text.split(f" {spell([QUESTION])} ")
        assert asked
        for question in asked:
            assert f"{question} ." in context


def test_the_same_seed_writes_the_same_text(tmp_path: Path) -> None:
    """Byte by byte; another seed writes another."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_text(tmp_path / name, 2, 256, seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_what_cannot_be_written_is_explained(tmp_path: Path) -> None:
    """No documents, no room for a context, no folder."""
    with pytest.raises(UsageError, match="--documents should be at least 1, not 0"):
        write_text(None, 0, 256, 0)
    with pytest.raises(UsageError, match="length should be a whole number from 32"):
        write_text(None, 1, 100, 0)
    with pytest.raises(UsageError, match="cannot be written: No such file or directory"):
        write_text(tmp_path / "nowhere" / "text.jsonl", 1, 256, 0)
