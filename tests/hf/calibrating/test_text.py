"""A file's documents as blocks of tokens."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_core import UsageError
from sah_hf.calibrating.text import read_blocks

BOS = 256


def test_documents_are_cut_into_blocks(tmp_path: Path, tokenizer: Any) -> None:
    """Each begins with its own beginning-of-text token, no block spans two, and a piece of one token is left out."""
    file = tmp_path / "text.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("abcdef", "xy", "")) + "\n")
    blocks = read_blocks(file, tokenizer, block=3)
    a = tokenizer("a", add_special_tokens=False)["input_ids"][0]  # the letters' tokens follow one another
    assert blocks.ids == ((BOS, a, a + 1), (a + 2, a + 3, a + 4), (BOS, a + 23, a + 24))
    assert blocks.tokens == 9
    assert read_blocks(file, tokenizer, block=3, limit=2).ids == blocks.ids[:2]


def test_any_other_file_is_one_document(tmp_path: Path, tokenizer: Any) -> None:
    """Lines are not told apart; the hash is the file's."""
    file = tmp_path / "text.txt"
    file.write_text("a\nb")
    blocks = read_blocks(file, tokenizer, block=16)
    assert blocks.ids == (tuple(tokenizer("a\nb")["input_ids"]),)
    assert blocks.sha256 == hashlib.sha256(b"a\nb").hexdigest()


@given(text=st.text(min_size=1, max_size=60), block=st.integers(2, 9))
def test_nothing_but_a_last_token_is_lost(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Any, text: str, block: int
) -> None:
    """Put together again, the blocks are the document's tokens, less a single one at the end."""
    file = tmp_path_factory.mktemp("text") / "text.jsonl"
    file.write_text(json.dumps({"text": text}))
    ids = tuple(tokenizer(text)["input_ids"])
    joined = tuple(token for piece in read_blocks(file, tokenizer, block).ids for token in piece)
    assert joined in (ids, ids[:-1])
    assert len(ids) - len(joined) == (1 if len(ids) % block == 1 else 0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"text": "ab"}\n{"txt": "ab"}\n', 'a.jsonl:2: expected an object with a text, {"text": "..."}'),
        ("a.jsonl", b'{"text": "ab"}\n\n{"text"\n', "a.jsonl:3: is not JSON"),
        ("a.txt", b"ab\xff", "is not UTF-8 text (byte 2)"),
        ("a.txt", b"", "the tokenizer makes no block of 2 tokens or more of it"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, tokenizer: Any, name: str, content: bytes, said: str) -> None:
    """One sentence that names the file, and the line where there are lines."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_blocks(tmp_path / name, tokenizer, 8)
    assert said in str(caught.value)


def test_bad_arguments_are_explained(tmp_path: Path, tokenizer: Any) -> None:
    """No file, a block too short to attend in, no blocks."""
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_blocks(tmp_path / "nothing", tokenizer, 8)
    with pytest.raises(UsageError, match="--block should be at least 2 tokens, not 1"):
        read_blocks(tmp_path / "nothing", tokenizer, 1)
    with pytest.raises(UsageError, match="--blocks should be at least 1, not 0"):
        read_blocks(tmp_path / "nothing", tokenizer, 8, 0)
