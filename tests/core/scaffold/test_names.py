"""What a new masker may be called and described as, and that whatever is allowed gives a package that can be read."""

from __future__ import annotations

import ast
import re
import string
import tomllib

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from sah_core import UsageError
from sah_core.plugins import Registry
from sah_core.scaffold import Family, NewMasker, check_free

KINDS = st.from_regex(r"[a-z][a-z0-9]{0,9}([_-][a-z0-9]{1,9}){0,3}", fullmatch=True)
LINES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters='"\\', include_characters=" "), max_size=100
)


@given(kind=KINDS, family=st.sampled_from(Family), description=LINES.filter(str.strip), author=LINES.filter(str.strip))
def test_whatever_is_allowed_can_be_read(kind: str, family: Family, description: str, author: str) -> None:
    """Python parses, TOML parses, and both say what was given; no placeholder is left."""
    try:
        files = NewMasker(kind, family, description, author).files
    except UsageError:
        reject()  # a class of that name is there already
    project = tomllib.loads(files["pyproject.toml"])["project"]
    (module,) = {path.split("/")[1] for path in files if path.startswith("src/")}
    assert project["entry-points"]["sah"] == {kind: module}
    assert project["name"] == module.replace("_", "-")
    assert (project["description"], project["authors"]) == (description, [{"name": author}])
    trees = {path: ast.parse(text) for path, text in files.items() if path.endswith(".py")}
    (config,) = (node for node in trees[f"src/{module}/__init__.py"].body if isinstance(node, ast.ClassDef))
    (masker,) = (node for node in trees[f"src/{module}/masker.py"].body if isinstance(node, ast.ClassDef))
    assert ast.get_docstring(config, clean=False) == description
    assert config.name == f"{masker.name}Config"
    assert masker.name.isidentifier()
    for path, text in files.items():
        assert not re.search(r"\$\{?(kind|module|masker|distribution|description|authors)", text), path


@given(text=st.text(string.printable, min_size=1, max_size=12))
def test_other_names_are_refused(text: str) -> None:
    """What is not lower-case words of letters and digits, joined by single _ or -, is refused with its spelling."""
    words = re.split("[_-]", text)
    if words[0][:1].isdigit() or not all(re.fullmatch("[a-z0-9]+", word, re.ASCII) for word in words):
        with pytest.raises(UsageError, match=re.escape(repr(text))):
            NewMasker(text)


@pytest.mark.parametrize("kind", ["Quest", "2d", "a__b", "a-", "_a", "über", "a.b", "a b", "../a", "", "a\n"])
def test_names_that_are_no_kinds(kind: str) -> None:
    """Upper case, a leading digit, doubled and trailing joints, other alphabets, paths, nothing."""
    with pytest.raises(UsageError, match="lower-case letters and digits"):
        NewMasker(kind)


@pytest.mark.parametrize(
    ("kind", "taken"),
    [("none", "None"), ("masker", "Masker"), ("top-k_masker", "TopKMasker"), ("key-index", "KeyIndex")],
)
def test_a_class_does_not_hide_what_its_module_needs(kind: str, taken: str) -> None:
    """A kind whose class would be a keyword or have a name that the generated code imports is refused."""
    with pytest.raises(UsageError, match=f"would be the class {taken}(Config)?, a name that is taken"):
        NewMasker(kind)


def test_published_names_are_taken_even_where_nothing_is_installed() -> None:
    """A kind of this project's, or its distribution's name."""
    nothing = Registry([], environ={})
    check_free("my_method", nothing)
    with pytest.raises(UsageError, match="masker 'quest' is there already, from sah-masker-quest"):
        check_free("quest", nothing)
    with pytest.raises(UsageError, match="there is a sah-masker-window already"):
        check_free("window", nothing)


@pytest.mark.parametrize("text", ["", " ", 'a "b"', "a\\b", "a\nb", "a\x00b", "a" * 101])
def test_texts_that_would_not_survive_are_refused(text: str) -> None:
    """Description and author stand in a docstring and in a TOML string, on one line."""
    with pytest.raises(UsageError, match="--description should"):
        NewMasker("my_method", description=text)
    with pytest.raises(UsageError, match="--author should"):
        NewMasker("my_method", author=text)
