"""Context and question are the prompt: no token is lost, none is in both, and the rule says where one ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_core import ConfigError
from sah_lm_eval.prompts import split_prompt
from sah_lm_eval.split import Seam, SplitRule, seam, tokens_before

from .tokenizers import merged, not_fast

AUTO = SplitRule()
texts = st.lists(
    st.sampled_from(["a", " mole", " lives", "here.", "\n", "\n\n", " ", "who?", "ü", "🜁", "answer:"]), max_size=14
).map("".join)
rules = st.one_of(
    st.sampled_from(["auto", "paragraph", "line", "none"]), st.integers(1, 20).map(lambda n: f"tokens:{n}")
).map(SplitRule.parse)
tokenizers = st.sampled_from([merged, not_fast])


@given(text=texts, field=texts, rule=rules, made=tokenizers, left_out=st.integers(0, 12))
def test_context_and_question_are_the_prompt(text: str, field: str, rule: SplitRule, made: Any, left_out: int) -> None:
    """Together they are its tokens, less those left out at the left; where there are two, neither is empty."""
    tokenizer = made()
    tokens = tokenizer(text)["input_ids"]
    prompt = split_prompt(tokenizer, text, tokens, {"context": field}, rule, left_out=left_out)
    kept = tokens[left_out:]
    assert [*prompt.context, *prompt.question] == kept
    assert (len(prompt.context) > 0) == (len(kept) > 1)
    assert (len(prompt.question) > 0) == (len(kept) > 0)
    assert prompt.request.context == list(prompt.context)
    assert prompt.request.questions == (list(prompt.question),)


@given(text=texts, rule=rules, made=tokenizers, left_out=st.integers(0, 12))
def test_what_is_left_out_is_the_contexts(text: str, rule: SplitRule, made: Any, left_out: int) -> None:
    """The question stays what it is while the context has a token to give."""
    tokenizer = made()
    tokens = tokenizer(text)["input_ids"]
    whole = split_prompt(tokenizer, text, tokens, {}, rule)
    short = split_prompt(tokenizer, text, tokens, {}, rule, left_out=left_out)
    if left_out < len(whole.context):
        assert (short.question, short.found_by) == (whole.question, whole.found_by)
    else:
        assert len(short.context) <= 1


@given(text=texts, at=st.integers(0, 60))
def test_tokens_end_where_the_tokenizer_says(text: str, at: int) -> None:
    """The tokens before a place are those whose characters all stand before it; special tokens at the front as well."""
    tokenizer = merged()
    encoded = tokenizer(text, return_offsets_mapping=True)
    ends = [end for _, end in encoded["offset_mapping"]]
    count = tokens_before(tokenizer, text, encoded["input_ids"], at)
    assert count >= 1, "<bos>"
    assert all(end <= at for end in ends[:count])
    assert count == len(ends) or ends[count] > at
    plain = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokens_before(tokenizer, text, plain, at) == min(count - 1, len(plain))


@given(text=texts, at=st.integers(0, 60))
def test_tokens_of_a_tokenizer_that_is_not_fast(text: str, at: int) -> None:
    """One that tells no places counts the tokens that the text up to there begins with: here its bytes."""
    tokenizer = not_fast()
    tokens = tokenizer(text)["input_ids"]
    count = tokens_before(tokenizer, text, tokens, at)
    assert count == len(text[:at].encode()) + (at >= len(text)), "and the token for the text's end"


def test_the_common_beginning_of_tokens_that_were_shortened() -> None:
    """Also for tokens that a fast tokenizer made in a way that cannot be told, such as with the end cut off."""
    tokenizer = merged()
    text = "a mole lives here.\n\nwho?"
    tokens = tokenizer(text)["input_ids"][:4]
    assert tokens_before(tokenizer, text, tokens, 20) == 4
    assert tokens_before(tokenizer, text, tokens, 0) == 1


@given(text=texts, field=texts, rule=rules)
def test_a_seam_has_text_on_both_sides(text: str, field: str, rule: SplitRule) -> None:
    """A blank line or a line break is the last that has text behind it, and has text before it, too."""
    found = seam(text, {"context": field}, rule)
    mark = {"paragraph": "\n\n", "line": "\n"}.get(found.found_by)
    if mark is not None:
        before, behind = text[: found.characters], text[found.characters :]
        assert before.endswith(mark)
        assert before.strip()
        assert behind.strip()
        assert mark not in behind.rstrip()
    if found.found_by == "field":
        assert text[: found.characters].endswith(field.strip())
        assert field.strip() not in text[found.characters :]


@pytest.mark.parametrize(
    ("prompt", "doc", "rule", "context", "found_by"),
    [
        ("A mole. Who?", {"context": " A mole. "}, "auto", "A mole.", "field"),
        ("Q: a?\nA: b\n\nA mole.\nQ: who?\nA:", {"context": "A mole."}, "auto", "Q: a?\nA: b\n\nA mole.", "field"),
        ("Q: a?\nA: b\n\nQ: who?\nA:", {"context": "not there"}, "auto", "Q: a?\nA: b\n\n", "paragraph"),
        ("Q: a?\nA: b\n\nQ: who?\nA:\n\n", {}, "auto", "Q: a?\nA: b\n\n", "paragraph"),
        ("A mole.\n\n\nWho?", {"context": 3}, "auto", "A mole.\n\n\n", "paragraph"),
        ("A mole.\nWho?", None, "auto", "A mole.\n", "line"),
        ("Q: a?\n\nQ: who?\nA:", {"context": "a"}, "line", "Q: a?\n\nQ: who?\n", "line"),
        ("A mole.\nWho?", {}, "paragraph", "A mole.\nWho?", "last token"),
        ("\n\nA mole. Who?", {}, "auto", "\n\nA mole. Who?", "last token"),
        ("A mole.\n\nWho?", {"context": "A mole."}, "none", "A mole.\n\nWho?", "last token"),
        ("A mole.\n\nWho?", {"context": "A mole."}, "tokens:3", "A mole.\n\nWho?", "tokens"),
    ],
)
def test_where_a_context_ends(prompt: str, doc: Any, rule: str, context: str, found_by: str) -> None:
    """The field's last occurrence, else the last blank line, else the last line break, else nothing is found."""
    assert seam(prompt, doc, SplitRule.parse(rule)) == Seam(found_by, len(context))


def test_another_field() -> None:
    """`context_field` names the field that holds the context."""
    rule = SplitRule.parse("auto", "passage")
    assert seam("A mole. Who? B", {"context": "A mole. Who?", "passage": "A mole."}, rule) == Seam("field", 7)


def test_tokens_behind() -> None:
    """``tokens:N`` leaves N tokens to the question, whatever the tokenizer puts at the end; one stays the context's."""
    tokenizer = merged()
    tokens = tokenizer("a mole lives here")["input_ids"]
    assert len(split_prompt(tokenizer, "a mole lives here", tokens, {}, SplitRule.parse("tokens:2")).question) == 2
    assert len(split_prompt(tokenizer, "a mole lives here", tokens, {}, SplitRule.parse("tokens:99")).context) == 1
    assert len(split_prompt(tokenizer, "a mole lives here", tokens, {}, SplitRule.parse("none")).question) == 1


@pytest.mark.parametrize(
    "text", ["pragraph", "tokens", "tokens:", "tokens:0", "tokens:-1", "tokens:two", "line:3", 7, None]
)
def test_what_is_no_rule(text: Any) -> None:
    """The sentence names the rules."""
    with pytest.raises(ConfigError, match=r"split should be auto, paragraph, line, none or tokens:N .* not"):
        SplitRule.parse(text)


@pytest.mark.parametrize("name", ["", 3, None])
def test_what_is_no_field(name: Any) -> None:
    """A field has a name."""
    with pytest.raises(ConfigError, match="context_field should be the name of a field"):
        SplitRule.parse("auto", name)


@pytest.mark.parametrize("text", ["auto", "paragraph", "line", "none", "tokens:12"])
def test_a_rule_is_said_as_it_is_written(text: str) -> None:
    """So a report can be read by who wrote the option."""
    assert SplitRule.parse(text).said == text
