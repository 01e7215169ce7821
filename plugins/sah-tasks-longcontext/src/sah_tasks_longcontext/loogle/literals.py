"""Read lists and mappings that were written as text, the way JSON or Python writes them, without running anything."""

from __future__ import annotations

import ast
import json
import warnings

__all__ = ["literal"]


def literal(text: str) -> object:
    """The value that a text writes out, as JSON or as a Python literal; ValueError where it does neither.

    LooGLE's files and the answers to its clozes have either form, and its code evals both.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = _python_literal(text)
    return value


def _python_literal(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a backslash that escapes nothing, in a text that no user wrote
        try:
            value: object = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            # TypeError: a key that cannot be one; MemoryError, RecursionError: thousands of brackets
            raise ValueError("it is neither JSON nor a Python literal") from error
    return value
