"""The tokenizer: one token a word, <bos> once, and the files in the package are what the code builds."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from sah_model_needle.architecture import CONFIG
from sah_model_needle.checkpoint import directory
from sah_model_needle.tokenizer import build_tokenizer, write_tokenizer
from sah_model_needle.vocabulary import BOS, EOS, FILLER_IDS, PAD, WORDS, spell

TOKENIZER = build_tokenizer()


def test_words_are_distinct() -> None:
    """501 words, none twice, so that each has one id and each id one word."""
    assert len(WORDS) == len(set(WORDS)) == 501


@given(st.lists(st.integers(3, len(WORDS) - 1)))
def test_round_trip(ids: list[int]) -> None:
    """Any ids but the special ones survive being spelt and read again; <bos> comes first, once."""
    text = spell(ids)
    assert TOKENIZER.encode(text).ids == [BOS, *ids]
    assert TOKENIZER.encode(text, add_special_tokens=False).ids == ids
    assert TOKENIZER.decode(ids) == text


def test_unknown_words_are_filler() -> None:
    """A word that the model never saw reads as the first filler word, instead of failing."""
    assert TOKENIZER.encode("hello ? banak", add_special_tokens=False).tokens == [WORDS[FILLER_IDS.start], "?", "banak"]


def test_as_transformers_loads_it(tokenizer: PreTrainedTokenizerFast) -> None:
    """The same ids through AutoTokenizer, special tokens known by their roles and skipped in answers."""
    assert tokenizer("? banak")["input_ids"] == TOKENIZER.encode("? banak").ids
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (BOS, EOS, PAD)
    ids = tokenizer("one two three <eos>", add_special_tokens=False)["input_ids"]
    assert ids[-1] == EOS
    assert tokenizer.decode(ids, skip_special_tokens=True) == "one two three"


def test_left_padding(tokenizer: PreTrainedTokenizerFast) -> None:
    """A batch is padded on the left, where generation needs it."""
    batch = tokenizer(["? banak", "the river ? banak"], padding=True)
    assert batch["input_ids"][0][:2] == [PAD, PAD]
    assert batch["attention_mask"][0] == [0, 0, 1, 1, 1]


def test_chat_is_plain_text(tokenizer: PreTrainedTokenizerFast) -> None:
    """A user's turn has the ids of its words alone, with <bos> before them, once."""
    words = "the river banak one two three . ? banak"
    said = tokenizer.apply_chat_template(
        [{"role": "user", "content": words}], tokenize=False, add_generation_prompt=True
    )
    assert tokenizer(said, add_special_tokens=False)["input_ids"] == tokenizer(words)["input_ids"]


def test_files_are_what_the_code_builds(tmp_path: Path) -> None:
    """The tokenizer and config in the package are those that training would write."""
    write_tokenizer(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert Path(directory(), name).read_bytes() == (tmp_path / name).read_bytes()
    assert json.loads(Path(directory(), "config.json").read_text(encoding="utf-8")) == CONFIG
