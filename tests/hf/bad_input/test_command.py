"""`sah run` tells what does not fit in one sentence, with an exit code and no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from transformers.models.llama.modeling_llama import LlamaMLP

from sah_core.cli import main


def test_another_models_tokenizer(tmp_path: Path, tokenizer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with the weights of one model and the tokenizer of another: exit code 2, nothing on stdout."""
    model = build_model("llama", vocab_size=120, bos_token_id=None, eos_token_id=None, pad_token_id=None)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "context.txt").write_text("A mole lives at 7 Elm Row.")
    attention = {"maskers": [{"kind": "sink"}, {"kind": "local"}]}
    run = {"version": 1, "model": str(tmp_path), "attention": attention}
    (tmp_path / "run.json").write_text(json.dumps(run))
    capsys.readouterr()
    code = main(["run", str(tmp_path / "run.json"), "--context", str(tmp_path / "context.txt"), "-q", "Who?"])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "the tokenizer gives the token id 256, and LlamaForCausalLM knows 0 to 119" in err
    assert "Traceback" not in err


def test_a_question_that_is_too_much(
    tmp_path: Path, tokenizer: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory at the second question: the first answer stays printed, the exit code is 1."""
    build_model("llama").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "context.txt").write_text("A mole lives at 7 Elm Row.")
    (tmp_path / "run.json").write_text(json.dumps({"version": 1, "model": str(tmp_path)}))
    forward: Any = LlamaMLP.forward

    def greedy(mlp: Any, hidden: torch.Tensor) -> Any:
        if hidden.shape[1] == len("Where?"):
            torch.empty(2**50, dtype=torch.uint8)
        return forward(mlp, hidden)

    monkeypatch.setattr(LlamaMLP, "forward", greedy)
    asked = ["--context", str(tmp_path / "context.txt"), "-q", "Who?", "-q", "Where?", "--json"]
    capsys.readouterr()
    code = main(["run", str(tmp_path / "run.json"), *asked])
    out, err = capsys.readouterr()
    assert (code, [json.loads(line)["number"] for line in out.splitlines()]) == (1, [0])
    assert "out of memory while answering question 1, after a context of 27 tokens" in err
    assert "Traceback" not in err
