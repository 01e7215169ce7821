"""A copy that follows what a mirror tells is the folder, whatever happened in it between two looks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from sah_bench.cluster.mirror import Change, Mirror, follow
from sah_bench.store.whole_files import write_whole

NAMES = ("answers.jsonl", "times.jsonl", "scores.json", "measurements/000000.parquet", "measurements/000001.parquet")
Step = tuple[Literal["append", "replace", "delete", "begin", "look", "look twice"], int, bytes]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "replace", "delete", "begin", "look", "look twice"]),
        st.integers(0, len(NAMES) - 1),
        st.binary(min_size=1, max_size=16),
    ),
    max_size=40,
)


def files(folder: Path) -> dict[str, bytes]:
    """All that is in a folder and finished, by its path."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".partial")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def step(folder: Path, number: int, does: str, name: str, content: bytes) -> None:
    """Do something to a file; a new one is larger than all before, as clocks of file systems tick slower than this."""
    path, new = folder / name, b" " * (1000 * number) + content
    if does == "append" and path.suffix == ".jsonl":
        path.parent.mkdir(exist_ok=True, parents=True)
        with path.open("ab") as file:
            file.write(content if path.stat().st_size else new)
    elif does in ("append", "replace"):
        write_whole(path, new)
    elif does == "begin":
        path.parent.mkdir(exist_ok=True, parents=True)
        path.with_name(f"{path.name}.7.partial").write_bytes(content)
    elif path.exists():
        path.unlink()


@given(STEPS)
def test_a_copy_that_follows_is_the_folder(steps: list[Step]) -> None:
    """After every look, and also where a look's changes were begun before and are done again."""
    with tempfile.TemporaryDirectory() as place:
        folder, copy = Path(place) / "folder", Path(place) / "copy"
        folder.mkdir()
        mirror = Mirror(folder)
        for number, (does, name, content) in enumerate([*steps, ("look", 0, b"")], 1):
            if does not in ("look", "look twice"):
                step(folder, number, does, NAMES[name], content)
                continue
            changes = mirror.changes()
            if does == "look twice":
                follow(copy, changes[: len(changes) // 2])
            follow(copy, changes)
            assert files(copy) == files(folder)
            assert mirror.changes() == []


@given(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=8))
def test_of_a_file_of_lines_only_what_is_new_travels(parts: list[bytes]) -> None:
    """From where the last look ended; all of it is sent once."""
    with tempfile.TemporaryDirectory() as place:
        mirror, size = Mirror(Path(place)), 0
        for part in parts:
            with (Path(place) / "answers.jsonl").open("ab") as file:
                file.write(part)
            assert mirror.changes() == [Change("answers.jsonl", part, size or None)]
            size += len(part)


def test_a_file_that_was_put_in_place_travels_whole(tmp_path: Path) -> None:
    """Also a longer one with lines, if it does not begin as the old one did."""
    mirror = Mirror(tmp_path)
    write_whole(tmp_path / "answers.jsonl", b"b\na\n")
    mirror.changes()
    write_whole(tmp_path / "answers.jsonl", b"a\nb\nc\n")
    assert mirror.changes() == [Change("answers.jsonl", b"a\nb\nc\n", None)]


def test_a_torn_copy_is_mended(tmp_path: Path) -> None:
    """What stands behind the place where lines are added was half of them once."""
    (tmp_path / "answers.jsonl").write_bytes(b"whole\nto")
    follow(tmp_path, [Change("answers.jsonl", b"torn\nnext\n", 6)])
    assert (tmp_path / "answers.jsonl").read_bytes() == b"whole\ntorn\nnext\n"


def test_what_says_that_all_is_there_comes_last(tmp_path: Path) -> None:
    """In the order of writing, whatever the names: who stops between two changes has no promise that is not kept."""
    for name in ("window/weights.bin", "hashattention/weights.bin", "complete.json"):
        write_whole(tmp_path / name, b"1")
    mirror = Mirror(tmp_path)
    assert [change.path for change in mirror.changes()][-1] == "complete.json"
    (tmp_path / "window" / "weights.bin").unlink()
    write_whole(tmp_path / "all.bin", b"1")
    assert mirror.changes() == [Change("all.bin", b"1"), Change("window/weights.bin", None)]
    follow(tmp_path, [Change("hashattention/weights.bin", None)])
    assert not (tmp_path / "hashattention").exists(), "a folder goes with its last file"
