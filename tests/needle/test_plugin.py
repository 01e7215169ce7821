"""The package as a plugin: light, found by name, and whole in its wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

from sah_core import default_registry
from sah_model_needle.checkpoint import directory

PACKAGE = Path(__file__).parents[2] / "plugins" / "sah-model-needle"


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_is_light() -> None:
    """Importing the package, registering it and asking for help import neither torch, transformers nor numpy."""
    code = (
        "import sys, sah_model_needle\n"
        "from sah_core.cli import main\n"
        "assert main(['demo', '--help']) == 0\n"
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    assert python(code).splitlines()[-1] == "set()"


def test_registered() -> None:
    """`model: needle` is the directory in this package, and holds what transformers needs."""
    assert default_registry().model_source("needle") == directory()
    names = {path.name for path in Path(directory()).iterdir()}
    assert names == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_wheel_holds_the_model(tmp_path: Path) -> None:
    """The built wheel has the weights, byte for byte, and every module."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    source = PACKAGE / "src"
    expected = {
        str(path.relative_to(source)): path.read_bytes()
        for path in (source / "sah_model_needle").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as built:
        found = {name: built.read(name) for name in built.namelist() if ".dist-info/" not in name}
    assert found == expected
