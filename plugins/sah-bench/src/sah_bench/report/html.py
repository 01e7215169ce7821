"""One HTML file that holds its style, its data and what draws them, and may fetch nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import vl_convert
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from .columns import script_safe

__all__ = ["html"]


def html(
    package: str, template: str, *, title: str, styles: Sequence[str], scripts: Sequence[str], data: Any, **said: Any
) -> str:
    """The file's text, from a template that fills the skeleton's block ``content``.

    Template, styles and scripts are names of files in the folder ``template`` of the package, or else of this one. The
    scripts are one, in their order, beside Vega's. ``data`` is JSON values, which the scripts read; the template is
    given ``title`` and ``said``, and escapes them.
    """
    loader = ChoiceLoader([PackageLoader(package, "template"), PackageLoader("sah_bench.report", "template")])
    environment = Environment(autoescape=True, undefined=StrictUndefined, loader=loader)
    style = "".join(loader.get_source(environment, name)[0] for name in styles)
    texts = (loader.get_source(environment, name)[0] for name in scripts)
    script = "\n".join(['(() => {\n"use strict";', *texts, "})();"])
    library = _library()
    return environment.get_template(template).render(
        **said,
        title=title,
        policy=_policy(style, library, script),
        style=style,
        library=library,
        script=script,
        data=script_safe(data),
    )


def _policy(style: str, *scripts: str) -> str:
    """A content security policy under which nothing but these runs, and nothing is fetched."""
    allowed = " ".join(_hashed(script) for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_hashed(style)}; base-uri 'none'; form-action 'none'"


def _hashed(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def _library() -> str:
    """Vega, Vega-Lite and what embeds them."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
