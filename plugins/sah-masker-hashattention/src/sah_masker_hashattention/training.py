"""The training of one layer's two networks."""

from __future__ import annotations

from itertools import pairwise

import torch
from attrs import define
from torch import Tensor
from torch.nn.functional import logsigmoid

from sah_core import NumericalError
from sah_core.grouped_heads import grouped_scores

from .lesson import Lesson
from .networks import Network, phi

__all__ = ["Training"]

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


@define(eq=False)
class Training:
    """The parameters of a layer's networks, Adam's two moments of each, and how the last step went.

    Parameters are named ``query.0.weight``, ``query.0.bias``, ``query.1.weight``, ..., ``key.0.weight``, ...
    """

    parameters: dict[str, Tensor]
    means: dict[str, Tensor]
    squares: dict[str, Tensor]
    steps: int = 0
    loss: float = 0.0
    recall: float = 0.0

    @classmethod
    def start(cls, widths: list[int], heads: int, kv_heads: int, random: torch.Generator) -> Training:
        """Networks through these widths, each value uniform in +-1 / sqrt(width in).

        A query head starts with the network of its KV head: similar vectors then have similar signatures from the
        beginning, and training starts from more than chance.
        """
        parameters: dict[str, Tensor] = {}
        for i, (into, out) in enumerate(pairwise(widths)):
            for name, shape in (("weight", (kv_heads, into, out)), ("bias", (kv_heads, out))):
                uniform = torch.rand(shape, generator=random, device="cpu")
                parameters[f"key.{i}.{name}"] = (uniform * 2 - 1) * into**-0.5
                parameters[f"query.{i}.{name}"] = parameters[f"key.{i}.{name}"].repeat_interleave(heads // kv_heads, 0)
        means, squares = ({name: torch.zeros_like(tensor) for name, tensor in parameters.items()} for _ in range(2))
        return cls(parameters, means, squares)

    def step(self, lesson: Lesson, learning_rate: float, positive_weight: float) -> None:
        """One step of Adam (Kingma and Ba 2015, algorithm 1) down the lesson's loss.

        The loss is the mean binary cross-entropy, over the keys a query sees, of sigmoid(z) against wanted or not, with
        z the product tanh phi_q(q) . tanh phi_k(k); ``positive_weight`` multiplies the terms of wanted keys. Loss and
        recall of the signatures are measured before the step. Raises NumericalError where the loss is not finite.
        """
        with torch.enable_grad():
            leaves = {
                name: tensor.detach().to(lesson.queries.device).requires_grad_()
                for name, tensor in self.parameters.items()
            }
            queries = phi(_network(leaves, "query"), lesson.queries)  # (b, hq, m, bits)
            keys = phi(_network(leaves, "key"), lesson.keys)  # (b, hkv, n, bits)
            z = grouped_scores(queries.tanh(), keys.tanh())  # (b, hq, m, n)
            weights = torch.where(lesson.wanted, positive_weight, 1.0) * lesson.seen
            loss = -(weights * logsigmoid(torch.where(lesson.wanted, z, -z))).sum() / lesson.seen.count_nonzero()
            gradients = torch.autograd.grad(loss, list(leaves.values()))
        self.loss = float(loss.detach())
        if not self.loss < float("inf"):
            raise NumericalError(f"hashattention: the loss is {self.loss}; is there NaN or infinity among the keys?")
        self.recall = lesson.recall(grouped_scores(_plus_minus(queries), _plus_minus(keys)))
        self.steps += 1
        for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
            self._update(name, leaf.detach(), gradient, learning_rate)

    def _update(self, name: str, theta: Tensor, g: Tensor, learning_rate: float) -> None:
        (beta1, beta2), t = _BETAS, self.steps
        m = self.means[name] = beta1 * self.means[name].to(g.device) + (1 - beta1) * g
        v = self.squares[name] = beta2 * self.squares[name].to(g.device) + (1 - beta2) * g * g
        root = (v / (1 - beta2**t)).sqrt() + _EPSILON
        self.parameters[name] = theta - learning_rate * (m / (1 - beta1**t)) / root


def _network(parameters: dict[str, Tensor], name: str) -> Network:
    depth = sum(known.startswith(name) for known in parameters) // 2
    return [(parameters[f"{name}.{i}.weight"], parameters[f"{name}.{i}.bias"]) for i in range(depth)]


def _plus_minus(values: Tensor) -> Tensor:
    return (values.detach() > 0).float() * 2 - 1
