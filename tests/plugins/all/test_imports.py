"""Who may import whom: the core nothing above it, a masker plugin the core alone, every import goes down a floor."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = ("sah_",)

FLOORS = {
    "errors": 1,
    "masker_config": 1,
    "tunable": 1,
    "tunable_fields": 1,
    "chain": 1,
    "grouped_heads": 1,
    "growing": 1,
    "index_content": 1,
    "finite": 1,
    "compiled": 1,
    "state": 1,
    "calibration": 2,
    "plugins": 2,
    "mask": 2,
    "input_checks": 2,
    "inputs": 2,
    "config": 3,
    "composition": 3,
    "randomness": 3,
    "kernels": 3,
    "maskers": 4,
    "attention": 4,
    "testing": 4,
    "scaffold": 4,
    "cli": 4,
}

ROOMS = (
    {"errors", "compat", "failing"},
    {"models"},
    {"attention"},
    {"reports"},
    {"modes"},
    {"contexts"},
    {"requests"},
    {"kept", "model_adapter"},
    {"adapter"},
    {"calibrating", "survey"},
    {"cli"},
)
"""Of the adapter, from the bottom."""


def imported_at_run_time(file: Path) -> set[str]:
    """Absolute names of the modules a file imports, what stands under TYPE_CHECKING apart."""
    package = file.relative_to(next(parent for parent in file.parents if parent.name == "src")).with_suffix("").parts
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level]
            stem = ".".join([*base, node.module] if node.module else base)
            found.update([stem] if node.module else [f"{stem}.{alias.name}" for alias in node.names])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text(encoding="utf-8")))
    return found


def files(*patterns: str) -> list[Path]:
    return sorted(file for pattern in patterns for file in ROOT.glob(f"{pattern}/src/**/*.py"))


def our_packages(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_at_run_time(file) if name.startswith(OURS)}


@pytest.mark.parametrize("file", files("sah_core"), ids=lambda file: file.stem)
def test_the_core_imports_nothing_above_it(file: Path) -> None:
    """No plugin, no adapter, no transformers."""
    assert our_packages(file) <= {"sah_core"}
    assert not any(name.startswith("transformers") for name in imported_at_run_time(file))


@pytest.mark.parametrize("file", files("plugins/sah-masker-*"), ids=lambda file: f"{file.parent.name}.{file.stem}")
def test_a_masker_plugin_imports_the_core_alone(file: Path) -> None:
    """Itself and sah_core, nothing else of ours, and no transformers."""
    assert our_packages(file) <= {"sah_core", file.parent.name}
    assert not any(name.startswith("transformers") for name in imported_at_run_time(file))


@pytest.mark.parametrize("file", files("sah_core"), ids=lambda file: file.stem)
def test_every_import_in_the_core_goes_down_a_floor(file: Path) -> None:
    """A module imports from its own part, its own floor's, or one below; lazy names of the package are not imports."""
    parts = file.relative_to(ROOT / "sah_core/src/sah_core").with_suffix("").parts
    part = parts[0]
    if part == "__init__":
        return
    for name in imported_at_run_time(file):
        steps = name.split(".")
        if steps[0] == "sah_core" and len(steps) > 1:
            assert FLOORS[steps[1]] <= FLOORS[part], f"{part} imports {name}"


def test_every_part_of_the_core_has_a_floor() -> None:
    """A new module is given its place in the plan."""
    parts = {path.stem for path in (ROOT / "sah_core/src/sah_core").iterdir() if not path.name.startswith(("_", "py"))}
    assert parts == set(FLOORS)


@pytest.mark.parametrize("file", files("sah_hf"), ids=lambda file: f"{file.parent.name}.{file.stem}")
def test_every_import_in_the_adapter_goes_down_a_floor(file: Path) -> None:
    """A module imports from its own room or from one below; what a method imports when it runs may lie above."""
    floor = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    here = file.relative_to(ROOT / "sah_hf/src/sah_hf").with_suffix("").parts[0]
    if here == "__init__":
        return
    top = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    for node in top:
        steps = (node.module or "").split(".")
        room = steps[1] if steps[0] == "sah_hf" and len(steps) > 1 else here
        if node.level and here in floor and file.parent.name == "sah_hf":
            room = steps[0]
        assert floor[room] <= floor[here], f"{here} imports {room}"
