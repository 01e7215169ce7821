"""``python -m sah_lm_eval ...`` is ``lm_eval ...``, also where Python reads no .pth files."""

from __future__ import annotations

from lm_eval.__main__ import cli_evaluate  # type: ignore[import-untyped]  # lm_eval publishes no types

if __name__ == "__main__":
    cli_evaluate()
