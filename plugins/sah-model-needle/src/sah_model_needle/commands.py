"""The command `sah demo`. Light: torch and transformers are imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["demo"]

QUESTIONS = 112
LENGTH = 1024


def demo(
    questions: Annotated[int, typer.Option(help="How many questions to ask with every method.")] = QUESTIONS,
    length: Annotated[int, typer.Option(help="Length of each context in tokens, 32 to 8192.")] = LENGTH,
    seed: Annotated[int, typer.Option(help="Of the contexts and questions.")] = 0,
    masker: Annotated[
        list[str] | None,
        typer.Option(
            help='Try this masker, a name or a JSON object such as \'{"kind": "quest", "budget": 0.05}\', after a '
            "small sink and window. May be given several times.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Ask the embedded model about long contexts, densely and sparsely, and compare quality, density and time."""
    from .demo import run_demo
    from .demo_output import JsonOutput, TableOutput

    run_demo(questions, length, seed, JsonOutput() if as_json else TableOutput(), masker or ())
