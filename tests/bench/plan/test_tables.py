"""Tables of rows: made once, but once for each model where its tokenizer decides them; and rows that are a chat."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal

import pytest

from sah_bench.config.load import load_bench
from sah_bench.executor.cell_work import answer_cell
from sah_bench.executor.jobs import CellJob
from sah_bench.executor.worker_process import Setup, make_desk
from sah_bench.plan.plan import Plan, make_plan
from sah_bench.store.directory import ResultsDirectory
from sah_bench.tasks.row import Row
from sah_bench.tasks.task import TaskConfig
from sah_core import ConfigError, Registry, UsageError, hookimpl
from sah_core.plugins import RegisterTask
from sah_hf.errors import UnknownModelError
from sah_model_needle.checkpoint import directory as needle_files


class CountedConfig(TaskConfig):
    """A context of exactly as many tokens as are asked for."""

    sized: ClassVar[bool] = True
    tokenized: ClassVar[bool] = True

    kind: Literal["counted"] = "counted"


class Counted:
    """The tokens are asked of the tokenizer, so a row is another one for another tokenizer."""

    made = 0

    def __init__(self, config: CountedConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int, tokenizer: Any) -> Sequence[Row]:
        type(self).made += 1
        if length is None or length < 3:
            raise UsageError("three tokens at least")
        word = "river " if "moon" in tokenizer.chat_template else "stone "
        return [Row(word * (length - 1), "? tonak", ("one",), 1)]


plugin = ModuleType("plugin")


@hookimpl
def sah_register_tasks(register: RegisterTask) -> None:
    register(CountedConfig, f"{__name__}:Counted")


vars(plugin).update(SAH_API_VERSION=1, sah_register_tasks=sah_register_tasks)
REGISTRY = Registry(
    [
        EntryPoint("own", f"{__name__}:plugin", "sah"),
        EntryPoint("bench", "sah_bench", "sah"),
        EntryPoint("needle", "sah_model_needle", "sah"),
        EntryPoint("window", "sah_masker_window", "sah"),
    ],
    environ={},
)


WINDOW = {"name": "window", "maskers": [{"kind": "sink"}, {"kind": "local", "window": 8}]}


@pytest.fixture
def results(tmp_path: Path) -> ResultsDirectory:
    return ResultsDirectory.created(tmp_path / "results")


def needle_with(folder: Path, template: str | None) -> Path:
    """The embedded model with another chat template, or none."""
    shutil.copytree(needle_files(), folder, dirs_exist_ok=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": template}))
    return folder


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose template puts a word before the user's words and one after."""
    return needle_with(tmp_path_factory.mktemp("talker"), "<bos> moon {{ messages[0]['content'] }} rain")


@pytest.fixture(scope="module")
def mute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without a chat template."""
    return needle_with(tmp_path_factory.mktemp("mute"), None)


def planned(results: ResultsDirectory, **config: Any) -> Plan:
    given = {
        "version": 1,
        "models": ["needle"],
        "attention": ["dense"],
        "tasks": ["counted"],
        "lengths": [16],
        "workers": {"devices": ["cpu"], "threads": 1},
    }
    return make_plan(load_bench({**given, **config}, REGISTRY), results, REGISTRY)


def answered_here(results: ResultsDirectory, plan: Plan) -> list[dict[str, Any]]:
    """The times of every sample of every cell, asked in this process."""
    desk = make_desk(Setup(results.path, "cpu", 1, 1e9), lambda event: None)
    times = []
    for cell in plan.cells:
        assert answer_cell(CellJob(cell), desk).failure is None
        times += results.cell(cell.address).times.read().values
    return times


def test_a_table_is_made_for_each_tokenizer(results: ResultsDirectory, talker: Path) -> None:
    """Two models with other tokenizers are asked other rows; seeds that draw nothing and attention share a table."""
    Counted.made = 0
    plan = planned(results, models=["needle", str(talker)], attention=["dense", WINDOW], seeds=[0, 1])
    assert Counted.made == 2
    assert len(plan.cells) == 2 * 2 * 2
    contexts = {cell.model.name: plan.tables[cell.table][0].context for cell in plan.cells}
    assert contexts == {"needle": "stone " * 15, str(talker): "river " * 15}


def test_a_table_without_tokenizer_is_made_once(results: ResultsDirectory, talker: Path) -> None:
    """The embedded generator's rows are the same for both models, and one table."""
    plan = planned(results, models=["needle", str(talker)], tasks=[{"kind": "needle", "samples": 2}], lengths=[64])
    assert len({cell.table for cell in plan.cells}) == len(plan.tables) == 1


def test_the_counted_length_is_what_the_model_holds(results: ResultsDirectory) -> None:
    """Of 16 tokens of context, as the task counted, the answer's times tell 16."""
    (times,) = answered_here(results, planned(results))
    assert times["context_tokens"] == 16


def test_a_chat_is_asked_as_one(results: ResultsDirectory, talker: Path) -> None:
    """The template's word stands before the context, its other one behind the question; and it is another cell."""
    plain = planned(results, models=[str(talker)])
    chat = planned(results, models=[str(talker)], tasks=[{"kind": "counted", "chat": True}])
    assert {cell.address for cell in plain.cells}.isdisjoint(cell.address for cell in chat.cells)
    (before,), (times,) = answered_here(results, plain), answered_here(results, chat)
    assert (before["context_tokens"], before["question_tokens"]) == (16, 2)
    assert (times["context_tokens"], times["question_tokens"]) == (17, 3)


def test_a_chat_without_a_template_fails_with_its_reason(results: ResultsDirectory, mute: Path) -> None:
    """The cell says that the tokenizer has none."""
    plan = planned(results, models=[str(mute)], tasks=[{"kind": "needle", "samples": 1, "chat": True}], lengths=[64])
    (cell,) = plan.cells
    ended = answer_cell(CellJob(cell), make_desk(Setup(results.path, "cpu", 1, 1e9), lambda event: None))
    assert ended.failure is not None
    assert "the tokenizer has no chat template" in ended.failure.message


def test_rows_are_kept_on_the_disk(results: ResultsDirectory, tmp_path: Path) -> None:
    """What the plan gives by a digest is read from the directory; where that cannot be written, a sentence says so."""
    plan = planned(results, lengths=[8, 16])
    assert sorted(len(plan.tables[digest][0].context.split()) for digest in plan.tables) == [7, 15]
    assert all(results.table(digest).exists() for digest in plan.tables)
    with pytest.raises(KeyError):
        plan.tables["0" * 64]
    full = ResultsDirectory.created(tmp_path / "full")
    (full.path / "tables").symlink_to("/dev/full")
    with pytest.raises(UsageError, match="the rows of a task cannot be kept"):
        planned(full)


def test_half_a_character_is_told(results: ResultsDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that cannot be written as UTF-8 is the task's mistake, in a sentence."""
    monkeypatch.setattr(Counted, "rows", lambda *_: [Row("context", "?", ("half \ud83d",), 1)])
    with pytest.raises(ConfigError, match=r"task 'counted' at length 16: a row has half a character \(\\ud83d"):
        planned(results)


def test_a_task_that_has_no_rows_is_named(results: ResultsDirectory) -> None:
    """With its length, whatever makes them."""
    with pytest.raises(UsageError, match="task 'counted' at length 2: three tokens at least"):
        planned(results, lengths=[2])


def test_a_model_without_tokenizer(results: ResultsDirectory, talker: Path, tmp_path: Path) -> None:
    """Rows that need one cannot be made, and the sentence says of which model."""
    bare = tmp_path / "bare"
    shutil.copytree(talker, bare)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bare / name).unlink()
    with pytest.raises(UnknownModelError, match="bare' has no tokenizer that loads"):
        planned(results, models=[str(bare)])


def test_a_scorer_of_the_tasks_own_choosing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a config's default names one that is not installed, that is the config's problem, with its place."""

    class OddConfig(CountedConfig):
        default_scorer: ClassVar[str] = "exakt"

    odd = ModuleType("odd")

    @hookimpl
    def sah_register_tasks(register: RegisterTask) -> None:
        register(OddConfig, f"{__name__}:Counted")

    vars(odd).update(SAH_API_VERSION=1, sah_register_tasks=sah_register_tasks, OddConfig=OddConfig)
    monkeypatch.setitem(vars(plugin), "odd", odd)
    registry = Registry(
        [EntryPoint("odd", f"{__name__}:plugin.odd", "sah"), EntryPoint("bench", "sah_bench", "sah")], environ={}
    )
    with pytest.raises(ConfigError, match="unknown scorer 'exakt'"):
        load_bench(
            {"version": 1, "models": ["needle"], "attention": ["dense"], "tasks": ["counted"], "lengths": [8]}, registry
        )
