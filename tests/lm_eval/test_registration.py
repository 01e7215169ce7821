"""lm_eval knows the model in every process of an installation, at no cost where lm_eval is not imported."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from lm_eval.api.registry import get_model  # type: ignore[import-untyped]  # lm_eval publishes no types

from sah_lm_eval import SahLM

PACKAGE = Path(__file__).parents[2] / "plugins/sah-lm-eval"
PTH = PACKAGE / "sah_lm_eval.pth"
TOLD = "import sys; from lm_eval.api.registry import model_registry as models; import lm_eval.models;"
"""Begins a program that looks at lm_eval's models."""


def python(program: str, *options: str, path: str = "") -> str:
    """What a new process prints, and that it succeeds in silence."""
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


def fake_lm_eval(folder: Path, registry: str) -> str:
    """An lm_eval that has a list of models and this registry, and nothing else."""
    for name, text in {
        "__init__": "",
        "models/__init__": "LISTED = True",
        "api/__init__": "",
        "api/registry": registry,
    }.items():
        file = folder / "lm_eval" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return str(folder)


def test_a_process_that_does_not_import_lm_eval() -> None:
    """One finder waits, in front of the others; no module was imported for it."""
    said = python(
        "import sys; print([getattr(each, 'awaited', None) for each in sys.meta_path].count('lm_eval.models'),"
        "sys.meta_path[0].awaited, 'sah_lm_eval' in sys.modules, 'importlib.metadata' in sys.modules)"
    )
    assert said == "1 lm_eval.models False False"


def test_a_process_that_imports_lm_eval() -> None:
    """The model is there by its name, beside lm_eval's own, and nothing heavy was imported; nobody waits any more."""
    said = python(
        f"{TOLD} print('sah' in models, 'hf' in models, 'torch' in sys.modules,"
        "any(hasattr(each, 'awaited') for each in sys.meta_path))"
    )
    assert said == "True True False False"


def test_lm_eval_finds_it_by_name() -> None:
    """Asked for the name, it gives the class, which it imports then."""
    assert get_model("sah") is SahLM


@pytest.mark.parametrize(
    "program",
    [
        f"import sah_lm_eval; {TOLD} print('sah' in models, 'hf' in models)",
        f"{TOLD} import sah_lm_eval; print('sah' in models, 'hf' in models)",
        f"import sah_lm_eval as s; s.register(); {TOLD} print('sah' in models, 'hf' in models)",
    ],
    ids=["before", "after", "twice"],
)
@pytest.mark.parametrize("waits", [True, False], ids=["with the file", "without it"])
def test_from_python(program: str, waits: bool) -> None:
    """Importing the package is enough, before lm_eval or after it, with the .pth file or without."""
    forget = "" if waits else "import sys; del sys.meta_path[0];"
    assert python(forget + program) == "True True"


def test_an_lm_eval_that_is_too_old(tmp_path: Path) -> None:
    """Its import succeeds all the same; what it needs is logged."""
    path = fake_lm_eval(tmp_path, "MODEL_REGISTRY = {}")
    program = "import logging, sys; logging.basicConfig(stream=sys.stdout); import lm_eval.models as m; print(m.LISTED)"
    warning, listed = python(program, path=path).splitlines()
    assert "could not add the model 'sah', which needs lm-eval 0.4.10 or newer: cannot import name" in warning
    assert listed == "True"


def test_a_file_that_stayed_behind(tmp_path: Path) -> None:
    """The .pth file without its package lets lm_eval be imported, and adds nothing."""
    path = fake_lm_eval(tmp_path, "model_registry = {}")
    # -S: no site-packages, so no sah_lm_eval; the file's line is run as Python runs it at the start.
    imports = "import lm_eval.models as m, lm_eval.api.registry as r"
    program = f"exec(open({str(PTH)!r}).read()); {imports}; print(m.LISTED, r.model_registry)"
    assert python(program, "-S", path=path) == "True {}"


def test_the_file_is_one_line_that_python_runs() -> None:
    """Python runs a line of a .pth file only where it begins with ``import``."""
    (line,) = PTH.read_text(encoding="utf-8").splitlines()
    assert line.startswith("import ")


def test_the_wheel_holds_the_file(tmp_path: Path) -> None:
    """Beside the package, where Python looks for it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as built:
        assert built.read("sah_lm_eval.pth") == PTH.read_bytes()
        assert "sah_lm_eval/model.py" in built.namelist()
