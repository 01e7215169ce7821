"""Train the embedded model from nothing: ``python -m sah_model_needle.train --out DIR --seed 0``.

The schedule counts steps, the data and the initial weights come from the seed and one thread computes:
on one machine and one set of versions, one seed gives the same bytes again.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from .architecture import CONFIG
from .batches import QUESTION_TOKENS, TARGETS, Batch, draw_batch
from .curriculum import Curriculum
from .export import export
from .initial_weights import initialise
from .question_attention import QUESTION_ATTENTION

__all__ = ["STEPS", "answer_loss", "learning_rate", "new_model", "train"]

STEPS = 2400

_LEARNING_RATE = 2e-3
_WARM_UP = 100
_DECAY = 0.4  # the last share of the steps, over which the rate falls to a hundredth
_WINDOW = 50  # steps over which accuracy is judged
_SAVE_EVERY = 200


def new_model(seed: int) -> LlamaForCausalLM:
    """The model as training starts it, in float32."""
    model = LlamaForCausalLM(LlamaConfig(**{**CONFIG, "attn_implementation": QUESTION_ATTENTION}))
    initialise(model, seed)
    return model


def learning_rate(step: int, steps: int) -> float:
    """A short warm-up, a plateau, and a straight fall over the last ``_DECAY`` of the steps."""
    left = (steps - step) / steps / _DECAY
    return _LEARNING_RATE * min(1.0, (step + 1) / _WARM_UP, max(0.01, left))


def answer_loss(model: LlamaForCausalLM, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the targets, and which were the first choice: (b, n, TARGETS) bool."""
    hidden = model.model(
        input_ids=batch.ids, position_ids=batch.positions, attention_mask=batch.mask, use_cache=False
    ).last_hidden_state
    rows, questions, _ = batch.targets.shape
    asked = hidden[:, -questions * QUESTION_TOKENS :].reshape(rows, questions, QUESTION_TOKENS, -1)
    logits = model.lm_head(asked[:, :, -TARGETS:])  # the first token, "?", predicts nothing
    loss = cross_entropy(logits.flatten(0, 2).float(), batch.targets.flatten())
    return loss, logits.argmax(-1) == batch.targets


def train(out: Path, seed: int, steps: int) -> LlamaForCausalLM:
    """Train for ``steps`` steps and write the model to ``out``, every ``_SAVE_EVERY`` steps and at the end."""
    rng = np.random.default_rng(seed)
    model = new_model(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    curriculum = Curriculum()
    recent = _Recent()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        stage = curriculum.stage(rng)
        vote = stage.vote and step % 2 == 1
        batch = draw_batch(rng, stage, vote=vote)
        loss, correct = answer_loss(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        recent.add(correct, vote=vote, tokens=batch.ids.numel())
        if (step + 1) % _WINDOW == 0:
            print(f"step {step + 1} stage {curriculum.number} loss {loss.item():.3f} {recent}", flush=True)
            if curriculum.judge(recent.accuracy(vote=False).min().item()):
                recent.forget_retrieval()
        if (step + 1) % _SAVE_EVERY == 0:
            export(model, out)
    export(model, out)
    return model


class _Recent:
    """The accuracy of the last steps of each variant, and the pace."""

    def __init__(self) -> None:
        self._right: dict[bool, deque[Tensor]] = {vote: deque(maxlen=_WINDOW) for vote in (False, True)}
        self._tokens = 0
        self._started = time.monotonic()

    def add(self, correct: Tensor, *, vote: bool, tokens: int) -> None:
        """One step's answers: (b, n, TARGETS) bool."""
        self._right[vote].append(correct.float().mean((0, 1)))
        self._tokens += tokens

    def accuracy(self, *, vote: bool) -> Tensor:
        """The share of right words at each place of the answer (TARGETS,); zero before the first step."""
        right = self._right[vote]
        return torch.stack(list(right)).mean(0) if right else torch.zeros(TARGETS)

    def forget_retrieval(self) -> None:
        """Begin anew, at a new stage."""
        self._right[False].clear()

    def __str__(self) -> str:
        shares = ("/".join(f"{share:.3f}" for share in self.accuracy(vote=vote).tolist()) for vote in (False, True))
        pace = self._tokens / (time.monotonic() - self._started)
        return "retrieval {} vote {}, {:.2f} M tokens, {:.0f} a second".format(*shares, self._tokens / 1e6, pace)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the embedded model and write it as a Hugging Face directory.")
    parser.add_argument("--out", type=Path, required=True, help="directory to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # another number of threads sums in another order: other bytes
    train(arguments.out, arguments.seed, arguments.steps)


if __name__ == "__main__":
    main()
