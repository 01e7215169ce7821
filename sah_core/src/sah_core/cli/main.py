"""Run the command line: what a user's mistake, a bug, Ctrl-C and a closed pipe look like, and their exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import TextIO

from sah_core.errors import SahError
from sah_core.plugins import default_registry

from .app import build_app

__all__ = ["main"]

FAILED = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sah`` with these arguments (default: the process's) and return its exit code.

    0: done. 1: failed. 2: wrong usage or config. 130: interrupted. Errors go to stderr, a traceback only with
    ``--debug``, which may stand anywhere, or ``SAH_DEBUG=1``.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, rest = _without_debug(given)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            code = _run(["--debug", *rest] if debug else rest)
        except SahError as error:
            code = _report(str(error), error.exit_code, error, debug)
        except Exception as error:  # noqa: BLE001 - the last resort: a bug is told in a sentence, and shown on demand
            said = f"unexpected {type(error).__name__}: {error} (run with --debug to see where)"
            code = _report(said, FAILED, error, debug)
        except KeyboardInterrupt as error:
            code = _report("interrupted", INTERRUPTED, error, debug)
    return code if _flushed() else FAILED


def _run(arguments: list[str]) -> int:
    app = build_app(default_registry(), arguments)
    try:
        app(arguments, prog_name="sah")
    except SystemExit as end:
        # typer leaves this way: 2 after it has explained a usage error, 130 after Ctrl-C, which it does not mention.
        if end.code == INTERRUPTED:
            raise KeyboardInterrupt from end
        return end.code if isinstance(end.code, int) else 0 if end.code is None else FAILED
    return 0


def _without_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    rest = [argument for argument in options if argument != "--debug"] + arguments[len(options) :]
    wanted = os.environ.get("SAH_DEBUG", "").lower() not in ("", "0", "false", "no")
    return wanted or "--debug" in options, rest


def _report(message: str, code: int, error: BaseException, debug: bool) -> int:
    with contextlib.suppress(BrokenPipeError):  # whoever reads the messages may have gone, too
        if debug:
            traceback.print_exception(error)
        else:
            print(message, file=sys.stderr)
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"warning: {message}", file=file or sys.stderr)


def _flushed() -> bool:
    """Whether the output arrived; a reader that has gone (``sah schema | head``) is no reason to complain."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more on its way out: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
