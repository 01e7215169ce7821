"""The command: some types or all, JSON or a page, and a sentence for a mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import transformers

from sah_hf.survey.__main__ import main
from sah_hf.survey.table import SurveyTable
from sah_hf.survey.trial import Verdict


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["survey", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_some_types_as_json_and_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two types give two trials, on stdout and in the page; what the page had of others stays."""
    page = tmp_path / "models.md"
    assert run(monkeypatch, "--only", "llama, bloom", "--json", "-o", str(page)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["versions"]["transformers"] == transformers.__version__
    llama, bloom = printed["trials"]
    assert llama["verdict"] == {"kind": "exact", "layers": "2 of 2", "reason": ""}
    assert llama["error"] < 1e-5
    # Two sink and four local keys for each query; the question's first has the 40 of the context and itself.
    assert llama["density"] == pytest.approx(6 * 6 / (41 + 42 + 43 + 44 + 45 + 46))
    assert bloom["verdict"]["kind"] == "refused"
    assert list(SurveyTable.read(page).rows) == ["bloom", "llama"]
    assert SurveyTable.read(page).rows["llama"].verdicts[transformers.__version__] == Verdict("exact", "2 of 2")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "llama,lama3"], "'lama3' is no model type that transformers maps to a causal language model"),
        (["--only", "lama"], "did you mean 'llama'?"),
        (["--only", " , "], "--only names no model type"),
        (["--only", "llama", "-o", "nowhere/models.md"], "there is no directory nowhere"),
    ],
)
def test_a_mistake_is_a_sentence(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is tried, on stderr, with exit code 2."""
    assert run(monkeypatch, *arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
