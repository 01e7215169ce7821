"""``sah new-masker``: a masker package of one's own, ready to install, test and try."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sah_core.plugins import default_registry
from sah_core.scaffold import Family, NewMasker, check_free

__all__ = ["new_masker"]


def new_masker(
    name: Annotated[str, typer.Argument(help="The masker's name in configs, such as my_method.", show_default=False)],
    family: Annotated[
        Family, typer.Option("--kind", help="What it does: its base class and the example to start from.")
    ] = Family.TOP_K,
    description: Annotated[str | None, typer.Option(help="One sentence: what it does.", show_default=False)] = None,
    author: Annotated[str | None, typer.Option(help="The author's name.", show_default=False)] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the package's folder under this one.")] = Path(
        "."
    ),
) -> None:
    """Write a package with a masker of your own: it installs, is tested, and runs in sah demo as it is."""
    masker = NewMasker(name, family, description, author)
    check_free(name, default_registry())
    folder = masker.write(output)
    typer.echo(
        f"""{folder}: a package with a small method that works; put yours into masker.py. Next:

  cd {shlex.quote(str(folder))}
  pip install -e ".[test]"
  pytest
  sah maskers {name}
  sah demo --masker {name}"""
    )
