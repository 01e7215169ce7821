"""Write the model as a Hugging Face directory that transformers 4 and 5 both read, weights in float16."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save
from transformers import LlamaForCausalLM

from .architecture import CONFIG
from .tokenizer import write_tokenizer
from .vocabulary import BOS, EOS, PAD

__all__ = ["export"]


def export(model: LlamaForCausalLM, directory: Path) -> None:
    """Write config.json, generation_config.json, model.safetensors (float16) and the tokenizer's two files.

    The files hold no version and no date: the same weights give the same bytes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    (directory / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    _write(directory / "config.json", CONFIG)
    _write(
        directory / "generation_config.json",
        {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD, "do_sample": False},
    )
    write_tokenizer(directory)


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
