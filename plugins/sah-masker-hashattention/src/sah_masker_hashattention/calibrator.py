"""Train the signature networks of every layer."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sah_core import AttentionInputs, CalibrationError, Calibrator
from sah_core.randomness import generator

from . import HashAttentionConfig, HashAttentionSettings
from .lesson import Lesson
from .training import Training

__all__ = ["SignatureCalibrator"]


class SignatureCalibrator(Calibrator[HashAttentionConfig, HashAttentionSettings]):
    """Learns, layer by layer, signatures by which queries find their ``top`` keys; the model itself does not change.

    Each block is one step of Adam for each layer (`Training`), on up to 256 of its queries (`Lesson`), drawn by a
    generator of (seed, layer, step).

    Source: arXiv:2412.14468, section 4, and the authors' train_hashattention.py; unlike there, no key is left out for
    being near the query or at the beginning.
    """

    def __init__(self, config: HashAttentionConfig, settings: HashAttentionSettings) -> None:
        super().__init__(config, settings)
        self._layers: dict[int, Training] = {}

    def observe(self, inputs: AttentionInputs) -> None:
        """Take one step; none on a block in which no query sees more than ``top`` keys.

        Raises NumericalError for NaN or infinity among the keys or queries.
        """
        settings, layer = self.settings, inputs.layer_idx
        if layer not in self._layers:
            widths = [inputs.keys.shape[3], *[settings.hidden] * (settings.depth - 1), self.config.bits]
            random = generator("signatures", settings.seed, layer)
            self._layers[layer] = Training.start(widths, inputs.shape[1], inputs.kv_heads, random)
        training = self._layers[layer]
        lesson = Lesson.of(inputs, settings.top, generator("lesson", settings.seed, layer, training.steps))
        if lesson is not None:
            training.step(lesson, settings.learning_rate, settings.positive_weight)

    def result(self) -> dict[str, dict[int, Tensor]]:
        """For each layer and i-th linear layer ``query.i.weight`` (hq, in, out), ``query.i.bias`` (hq, out), and
        ``key.i.weight``, ``key.i.bias`` with hkv for hq, float32.

        Raises CalibrationError for a layer that has learned nothing, as no query of any block saw enough keys.
        """
        found: dict[str, dict[int, Tensor]] = {}
        for layer, training in self._layers.items():
            if not training.steps:
                raise CalibrationError(
                    f"hashattention: no query of layer {layer} saw more than top = {self.settings.top} keys, so "
                    "nothing was learned; give longer texts or blocks, or a smaller hashattention.top"
                )
            for name, tensor in training.parameters.items():
                found.setdefault(name, {})[layer] = tensor
        return found

    def state(self) -> dict[str, Tensor]:
        """Parameters and moments as ``layer/part/name``, and the float64 ``layer/last``: steps, loss, recall."""
        found: dict[str, Tensor] = {}
        for layer, training in self._layers.items():
            for part in ("parameters", "means", "squares"):
                for name, tensor in getattr(training, part).items():
                    found[f"{layer}/{part}/{name}"] = tensor.detach().cpu().clone()
            last = (training.steps, training.loss, training.recall)
            found[f"{layer}/last"] = torch.tensor(last, dtype=torch.float64, device="cpu")
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from these."""
        self._layers = {}
        for layer in dict.fromkeys(name.split("/")[0] for name in state):
            parameters, means, squares = (
                _under(f"{layer}/{part}/", state) for part in ("parameters", "means", "squares")
            )
            steps, loss, recall = state[f"{layer}/last"].tolist()
            self._layers[int(layer)] = Training(parameters, means, squares, int(steps), loss, recall)

    def measures(self) -> dict[str, float]:
        """Of each layer's last block, before it was learned from, the mean over the layers: ``loss``, and ``recall``,
        the share of the ``top`` keys that are among the ``top`` by signature.
        """
        taught = [training for training in self._layers.values() if training.steps]
        if not taught:
            return {}
        return {
            "loss": sum(training.loss for training in taught) / len(taught),
            "recall": sum(training.recall for training in taught) / len(taught),
        }


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor.clone() for name, tensor in state.items() if name.startswith(prefix)}
