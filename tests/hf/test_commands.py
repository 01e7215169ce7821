"""`sah run` and `sah estimate` as their user meets them: what is printed, and the exit code."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sah_core.cli import main
from sah_hf import Request

from .conftest import MakeAdapter, build_model

MASKERS = [{"kind": "sink", "size": 4}, {"kind": "local", "window": 12}]
CONTEXT = "A mole lives at 7 Elm Row. " * 4
QUESTIONS = ["Who lives there?", "Where?"]


@attrs.frozen
class Result:
    code: int
    out: str
    err: str


Sah = Callable[..., Result]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    """A folder with a model, a context and a run's config."""
    folder = tmp_path_factory.mktemp("run")
    build_model("gemma2").save_pretrained(folder / "tiny")
    tokenizer.save_pretrained(folder / "tiny")
    (folder / "context.txt").write_text(CONTEXT)
    write_config(folder / "run.json")
    return folder


def write_config(file: Path, **changes: Any) -> None:
    sections = {
        "version": 1,
        "model": str(file.parent / "tiny"),
        "attention": {"maskers": MASKERS},
        "generation": {"max_new_tokens": 6, "no_repeat_ngram_size": 1},
        **changes,
    }
    file.write_text(json.dumps({name: section for name, section in sections.items() if section is not None}))


@pytest.fixture
def sah(capsys: pytest.CaptureFixture[str]) -> Sah:
    """Run the command in this process."""

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture
def expected(adapt: MakeAdapter) -> list[str]:
    """What the adapter itself answers."""
    responses = adapt(build_model("gemma2"), *MASKERS).process_request(Request(CONTEXT, QUESTIONS)).responses
    assert isinstance(responses, list)
    return responses


def test_run(sah: Sah, place: Path, expected: list[str]) -> None:
    """Questions with their answers, then what was measured."""
    asked = [argument for question in QUESTIONS for argument in ("-q", question)]
    result = sah("run", place / "run.json", "--context", place / "context.txt", *asked, "--measure-error")
    assert (result.code, result.err) == (0, "")
    transcript = "".join(f"{question}\n{answer}\n\n" for question, answer in zip(QUESTIONS, expected, strict=True))
    assert result.out.startswith(transcript)
    table = result.out.removeprefix(transcript)
    for said in ("gemma2, float32, cpu", "question", "sah-masker-window", "output error"):
        assert said in table
    assert re.search(r"^context +109 ", table, re.MULTILINE)


def test_run_json(sah: Sah, place: Path, expected: list[str]) -> None:
    """A line an answer, and the report in the last; nothing else."""
    asked = [argument for question in QUESTIONS for argument in ("-q", question)]
    result = sah("run", place / "run.json", "--context", place / "context.txt", *asked, "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert (result.code, result.err) == (0, "")
    assert lines[:2] == [
        {"number": number, "question": QUESTIONS[number], "answer": expected[number]} for number in (0, 1)
    ]
    assert lines[2]["report"]["context_prefills"] == 1
    assert len(lines) == 3


def test_run_with_the_efficient_backend(sah: Sah, place: Path, tmp_path: Path, expected: list[str]) -> None:
    """The same answers as with the research backend; the table and the JSON name the backend and what its calls ran."""
    (tmp_path / "tiny").symlink_to(place / "tiny")
    write_config(tmp_path / "run.json", attention={"kind": "efficient", "maskers": MASKERS})
    asked = ["run", tmp_path / "run.json", "--context", place / "context.txt", "-q", QUESTIONS[0]]
    answer, last = (json.loads(line) for line in sah(*asked, "--json").out.splitlines())
    assert answer["answer"] == expected[0]
    report = last["report"]
    assert report["backend"] == "efficient"
    assert sum(report["paths"].values()) == report["sparse_calls"] > 0
    assert "product" not in report["paths"]
    ran = ", ".join(f"{count} {path}" for path, count in report["paths"].items())
    assert f"efficient: {ran}" in sah(*asked).out


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_run_in_half_precision(sah: Sah, place: Path, tmp_path: Path, dtype: str) -> None:
    """Half precision on the CPU runs, in either backend the same: what is between tensors and output is float32."""
    (tmp_path / "tiny").symlink_to(place / "tiny")
    answers = []
    for kind in ("research", "efficient"):
        write_config(
            tmp_path / "run.json",
            model={"name": str(tmp_path / "tiny"), "dtype": dtype},
            attention={"kind": kind, "maskers": MASKERS},
        )
        result = sah("run", tmp_path / "run.json", "--context", place / "context.txt", "-q", QUESTIONS[0], "--json")
        assert result.code == 0
        answer, last = (json.loads(line) for line in result.out.splitlines())
        assert last["report"]["dtype"] == dtype
        answers.append(answer["answer"])
    assert answers[0] == answers[1]


def test_run_reads_stdin(sah: Sah, place: Path, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`--context -` takes the context from a pipe."""
    monkeypatch.setattr("sys.stdin", io.StringIO(CONTEXT))
    result = sah("run", place / "run.json", "--context", "-", "-q", QUESTIONS[0], "--json")
    assert json.loads(result.out.splitlines()[0])["answer"] == expected[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-q", "Who?"], "--context FILE --question TEXT"),
        (["--context", "context.txt"], "--context FILE --question TEXT"),
        (["--context", "nothing.txt", "-q", "Who?"], "nothing.txt: cannot be read: No such file or directory"),
        (["--context", "tiny", "-q", "Who?"], "tiny: cannot be read: Is a directory"),
        (["--context", "empty.txt", "-q", "Who?"], "the context is empty"),
        (["--context", "bytes.txt", "-q", "Who?"], "is not UTF-8 text (byte 1)"),
        (["--context", "context.txt", "-q", ""], "question 0 is empty"),
        (["--context", "context.txt", "-q", "x" * 500], "question 0 does not fit"),
        (["--context", "context.txt", "-q", "Who?", "--chat"], "no chat template"),
    ],
)
def test_run_usage_errors(
    sah: Sah, place: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """One sentence on stderr, nothing on stdout, exit code 2."""
    monkeypatch.chdir(place)
    Path("empty.txt").write_text("\n")
    Path("bytes.txt").write_bytes(b"a\xff")
    result = sah("run", "run.json", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"model": None}, 2, "the config names no model"),
        ({"model": "tiny/nowhere"}, 2, "unknown model 'tiny/nowhere'"),
        ({"attention": {"maskers": [{"kind": "sinc"}]}}, 2, "did you mean 'sink'"),
        ({"generation": {"max_new_token": 3}}, 2, "did you mean 'max_new_tokens'"),
        ({"attention": {"maskers": MASKERS[:1]}}, 1, "layer 0, batch row 0, query head 0"),
        (
            {"attention": {"kind": "efficient", "maskers": [{"kind": "oracle_top_k"}]}},
            2,
            "attention: maskers[0] (oracle_top_k) reads the exact logits of all keys",
        ),
    ],
)
def test_run_config_errors_and_failures(
    sah: Sah,
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    code: int,
    said: str,
) -> None:
    """A config that is wrong gives 2, a run that fails 1; a sentence either way."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "tiny").symlink_to(place / "tiny")
    write_config(tmp_path / "run.json", **changes)
    result = sah("run", tmp_path / "run.json", "--context", place / "context.txt", "-q", "Who?")
    assert result.code == code
    assert said in result.err
    assert "Traceback" not in result.err


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_interrupted(place: Path, tmp_path: Path, expected: list[str]) -> None:
    """Ctrl-C while the second answer grows: the first is already printed, the exit code is 130, no traceback."""
    (tmp_path / "tiny").symlink_to(place / "tiny")
    write_config(tmp_path / "run.json", generation={"max_new_tokens": 120, "eos_token_id": []})
    files = [str(tmp_path / "run.json"), "--context", str(place / "context.txt")]
    with subprocess.Popen(
        [sys.executable, "-m", "sah_core.cli", "run", *files, *("-q", "Who?") * 8, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=120)
    assert (first["number"], first["question"]) == (0, "Who?")
    assert process.returncode == 130
    assert "report" not in rest
    assert err == "interrupted\n"


def test_estimate(sah: Sah, place: Path, tmp_path: Path) -> None:
    """A table for reading, JSON for programs, without the weights being there at all."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_bytes((place / "tiny" / "config.json").read_bytes())
    write_config(tmp_path / "run.json")
    result = sah("estimate", tmp_path / "run.json", "--tokens", 1000)
    assert result.code == 0
    assert "sliding window 16" in result.out
    assert "random" in result.err
    measured = json.loads(sah("estimate", tmp_path / "run.json", "--tokens", 1000, "--json").out)
    assert measured["tokens"] == 1000
    assert measured["density"] == pytest.approx((16 + 12) / (1000 + 16))


@pytest.mark.parametrize(
    ("changes", "tokens", "said"),
    [
        ({}, 1, "2 tokens or more, not 1"),
        ({"attention": None}, 100, "needs the section  attention"),
        ({"model": None}, 100, "needs the section  model"),
        ({"attention": {"maskers": MASKERS, "dense_layers": [0, 1]}}, 100, "leaves no layer sparse"),
    ],
)
def test_estimate_errors(
    sah: Sah, place: Path, tmp_path: Path, changes: dict[str, Any], tokens: int, said: str
) -> None:
    """What cannot be estimated is a usage or config error."""
    (tmp_path / "tiny").symlink_to(place / "tiny")
    write_config(tmp_path / "run.json", **changes)
    result = sah("estimate", tmp_path / "run.json", "--tokens", tokens)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_importing_is_light() -> None:
    """The package, its commands and its request need neither torch nor transformers until something is asked."""
    code = (
        "import sys, sah_hf, sah_hf.cli.commands; from sah_hf import Request, RequestError; Request('a', 'b');"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
