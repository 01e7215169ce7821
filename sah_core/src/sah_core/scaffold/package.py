"""The package that `sah new-masker` writes: which templates it is made of, and what fills them."""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from string import Template

from attrs import frozen

from sah_core.errors import UsageError

from .names import check_kind, class_name, distribution_name

__all__ = ["Family", "NewMasker"]

_TEMPLATES = {
    "pyproject.toml": "common/pyproject.toml",
    "README.md": "{family}/README.md",
    "src/{module}/__init__.py": "{family}/init.py",
    "src/{module}/masker.py": "{family}/masker.py",
    "src/{module}/py.typed": "common/py.typed",
    "tests/test_conformance.py": "{family}/test_conformance.py",
}
"""Each file of the package, and the template it is made from."""

_LONGEST = 100


class Family(StrEnum):
    """What a method stands on; each has an example of its own."""

    TOP_K = "top-k"
    POSITIONAL = "positional"
    SAMPLING = "sampling"


_EXAMPLES = {
    Family.TOP_K: "Keep the keys with the largest logits over the first channels.",
    Family.POSITIONAL: "Keep the keys of the query's own block, up to the query, and of the block before.",
    Family.SAMPLING: "Draw keys at random, near ones more often than far ones.",
}


@frozen
class NewMasker:
    """A masker that does not exist yet; ``description`` and ``author`` may be left out.

    Raises UsageError for what cannot be a kind, and for texts that a docstring or a TOML string would not hold.
    """

    kind: str
    family: Family = Family.TOP_K
    description: str | None = None
    author: str | None = None

    def __attrs_post_init__(self) -> None:
        check_kind(self.kind)
        for option in ("description", "author"):
            text = getattr(self, option)
            if text is not None and not (text.strip() and text.isprintable() and not set(text) & {'"', "\\"}):
                raise UsageError(f"--{option} should be one line without double quotes or backslashes, not {text!r}")
            if text is not None and len(text) > _LONGEST:
                raise UsageError(f"--{option} should have at most {_LONGEST} characters, not {len(text)}")

    @property
    def files(self) -> dict[str, str]:
        """The text of every file of the package, by its path."""
        module = distribution_name(self.kind).replace("-", "_")
        author = (
            '# authors = [{ name = "..." }]' if self.author is None else f'authors = [{{ name = "{self.author}" }}]'
        )
        filling = {
            "kind": self.kind,
            "distribution": distribution_name(self.kind),
            "module": module,
            "masker": class_name(self.kind),
            "description": _EXAMPLES[self.family] if self.description is None else self.description,
            "authors": author,
        }
        folder = files(__package__) / "templates"
        made = {}
        for path, template in _TEMPLATES.items():
            source = folder.joinpath(f"{template.format(family=self.family)}.template")
            text = Template(source.read_text(encoding="utf-8")).substitute(filling)
            made[path.format(module=module)] = text
        return made

    def write(self, parent: Path) -> Path:
        """Write the package into a folder of its own under ``parent``, and return that folder.

        Raises UsageError where the folder holds something already, which is never overwritten, or cannot be written.
        """
        folder = parent / distribution_name(self.kind)
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UsageError(f"{folder} exists already: remove it, or choose another name or --output")
            for path, text in self.files.items():
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("x", encoding="utf-8", newline="\n") as stream:
                    stream.write(text)
        except OSError as error:
            raise UsageError(f"{folder}: the package cannot be written there: {error.strerror}") from error
        return folder
