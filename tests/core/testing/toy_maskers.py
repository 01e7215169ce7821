"""Well-behaved maskers, and one for each rule of the conformance kit that breaks it."""

import os
import random
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from sah_core import (
    AttentionInputs,
    KeyIndex,
    Mask,
    Masker,
    MaskerConfig,
    NumericalError,
    Residual,
    SamplingMasker,
    Size,
    TopKMasker,
)


class NormConfig(MaskerConfig):
    """Keep the longest keys."""

    by_content: ClassVar[bool] = True

    kind: Literal["norm"] = "norm"
    budget: Size = 2


class Norm(TopKMasker[NormConfig]):
    """A key's score is its squared length."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return inputs.keys.to(inputs.compute_dtype).square().sum(-1).unsqueeze(2).expand(-1, -1, inputs.shape[2], -1)


class CoinConfig(MaskerConfig):
    """Toss a coin for each key."""

    sampling: ClassVar[bool] = True

    kind: Literal["coin"] = "coin"
    rate: float = 0.5


class Coin(SamplingMasker[CoinConfig]):
    """Each residual key with the same probability."""

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        return torch.full((1, 1, 1, 1), self.config.rate, device=inputs.device)


def dense(inputs: AttentionInputs, mask: Mask) -> Tensor:
    return mask.to_dense(inputs.device)


class BeyondSight(Norm):
    """Selects the last key, whoever asks."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        probs = dense(inputs, previous)
        probs[..., -1] = 1.0
        return Mask.from_dense(probs)


class WrongShape(Norm):
    """Answers for fewer queries than were asked."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        return super().add_mask(inputs, previous)[:, :, :1]


class Forgetful(Norm):
    """Selects, and forgets what was there."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        return super().add_mask(inputs, Mask.empty(inputs.shape))


class Hesitant(Norm):
    """Selects with probability one half."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        new = dense(inputs, super().add_mask(inputs, previous))
        return previous | Mask.from_dense(new / 2)


class Stingy(Norm):
    """Selects nothing for a query that sees one key."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        enough = (inputs.visible_counts > 1).unsqueeze(-1)
        return previous | super().add_mask(inputs, previous).restrict(enough)


class NeverAll(Norm):
    """Selects one key, whatever the budget."""

    @property
    def budget(self) -> Size:
        return 1


class NeverPromoting(Coin):
    """Leaves what another sampler drew with the probability it had."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        return previous | super().add_mask(inputs, previous).restrict(dense(inputs, previous) == 0)


class Scribbling(Norm):
    """Normalises the keys where they lie."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        inputs.keys.mul_(0.5)
        return super().scores(inputs, index)


class Snobbish(Norm):
    """Reads the previous mask only if it is dense."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        return previous | super().add_mask(
            inputs, previous if previous.representation == "dense" else Mask.empty(inputs.shape)
        )


class Counting(Norm):
    """Selects another key at every call."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        self.calls = getattr(self, "calls", 0) + 1
        return -(super().scores(inputs, index) - self.calls % 2 * 1e9).abs()


class Remembering(Norm):
    """Keeps the first request's keys to itself and ranks every request by them."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        scores = super().scores(inputs, index) + inputs.keys[..., 0].to(inputs.compute_dtype).unsqueeze(2)
        self.first = getattr(self, "first", scores)
        return self.first if self.first.shape == scores.shape else scores


class Averaging(Norm):
    """Ranks by the distance from the mean key of the whole batch."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        keys = inputs.keys.to(inputs.compute_dtype)
        distances = (keys - keys.mean((0, 2), keepdim=True)).square().sum(-1)
        return distances.unsqueeze(2).expand(-1, -1, inputs.shape[2], -1)


class ByColumn(Norm):
    """Prefers even columns."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        column = torch.arange(inputs.shape[3], device=inputs.device, dtype=inputs.compute_dtype)
        return (-(column % 2)).expand(inputs.shape)


class ReadingAhead(Norm):
    """Compares keys with the last column, written or not."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        keys = inputs.keys.to(inputs.compute_dtype)
        return (keys * keys[:, :, -1:]).sum(-1).unsqueeze(2).expand(-1, -1, inputs.shape[2], -1)


class CountingHeads(Norm):
    """Prefers the last key in odd KV heads and the first in even ones."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        column = torch.arange(inputs.shape[3], device=inputs.device, dtype=inputs.compute_dtype)
        sign = 1 - 2 * (torch.arange(inputs.kv_heads, device=inputs.device) % 2)
        rows = column * sign.reshape(1, -1, 1, 1)
        return rows.expand(inputs.shape[0], -1, inputs.shape[2], -1)


class Homeless(Norm):
    """Makes a tensor where torch happens to make tensors."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return super().scores(inputs, index) + torch.arange(inputs.shape[3])


class Gambling(Norm):
    """Breaks ties by torch's global generator."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return super().scores(inputs, index) + torch.rand(inputs.shape[3], device=inputs.device)


class Dicing(Norm):
    """Breaks ties by Python's global generator."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return super().scores(inputs, index) + random.random()


class Together(Norm):
    """Ranks for all queries of a call by the first."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return inputs.logits[:, :, :1].expand(inputs.shape).nan_to_num(neginf=-1e9)


class LastSeen(KeyIndex):
    """Every key, less the mean of the keys that came with it."""

    pieces: Tensor

    def fit(self, keys: Tensor) -> None:
        self.pieces = keys - keys.mean(2, keepdim=True)
        self.length = keys.shape[2]

    def append(self, keys: Tensor) -> None:
        self.pieces = torch.cat([self.pieces, keys - keys.mean(2, keepdim=True)], 2)
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        self.pieces, self.length = self.pieces[:, :, :length], length


class Piecemeal(Norm):
    """Ranks by what depends on how the keys were delivered."""

    def create_index(self, inputs: AttentionInputs) -> KeyIndex:
        return LastSeen()

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        assert isinstance(index, LastSeen)
        return index.pieces.square().sum(-1).unsqueeze(2).expand(-1, -1, inputs.shape[2], -1)


class Hoarding(LastSeen):
    """Keeps keys that were truncated, and does not take those that replace them."""

    def fit(self, keys: Tensor) -> None:
        self.pieces, self.length = keys, keys.shape[2]

    def append(self, keys: Tensor) -> None:
        new = keys[:, :, max(0, self.pieces.shape[2] - self.length) :]
        self.pieces, self.length = torch.cat([self.pieces, new], 2), self.length + keys.shape[2]

    def truncate(self, length: int) -> None:
        self.length = length


class Untruncated(Piecemeal):
    """Ranks by keys that are long gone."""

    def create_index(self, inputs: AttentionInputs) -> KeyIndex:
        return Hoarding()


class Fidgeting(Piecemeal):
    """Ranks the other way round at every second look at its index."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        assert isinstance(index, LastSeen)
        index.pieces = -index.pieces.flip(2)
        return index.pieces[..., 0].unsqueeze(2).expand(-1, -1, inputs.shape[2], -1)


class OnlyFloat32(Norm):
    """Multiplies by a float32 matrix."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        d = inputs.queries.shape[3]
        return (
            inputs.queries @ torch.eye(d, device=inputs.device) @ inputs.keys.repeat_interleave(inputs.group_size, 1).mT
        )


class Dividing(Coin):
    """Draws by a key's share of the largest length, which is 0 / 0 for keys of zeros."""

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        lengths = (
            inputs.keys.to(inputs.compute_dtype)
            .square()
            .sum(-1, keepdim=True)
            .mT.repeat_interleave(inputs.group_size, 1)
        )
        return lengths / lengths.amax(-1, keepdim=True)

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        probs = self.inclusion(inputs, residual).float()
        if bool(probs.isnan().any()):
            raise NumericalError("0 / 0")
        return super().draw(inputs, residual)


class Overflowing(Norm):
    """Raises lengths to the eighth power, which is infinite for long keys."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        if not bool(super().scores(inputs, index).pow(4).isfinite().all()):
            raise NumericalError("an infinite score")
        return super().scores(inputs, index)


class Touchy(Norm):
    """Refuses NaN wherever it is."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        if bool(inputs.keys.isnan().any()):
            raise NumericalError("a key is NaN")
        return super().scores(inputs, index)


class Fated(Coin):
    """Draws the same keys under every seed."""

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        column = torch.arange(inputs.shape[3], device=inputs.device)
        return Mask.from_dense((residual.cells & (column % 2 == 0)) * self.config.rate)


class Boasting(Coin):
    """Says that it drew with a probability a tenth higher than it did."""

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        drawn = residual.uniforms() < self.config.rate / 1.1
        return Mask.from_dense(drawn * self.config.rate)


class SilentConfig(NormConfig):
    """Leaves its budget out when it is written."""

    def model_dump_json(self, **options: Any) -> str:
        return super().model_dump_json(exclude={"budget"})


class Unpicklable(Norm):
    """Holds a function that cannot be pickled."""

    def __init__(self, config: NormConfig) -> None:
        super().__init__(config)
        self.order = lambda: 1


class Blackboard(Norm):
    """Passes its scores from one method to another on itself."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        self.seed = inputs.seed
        mask = super().add_mask(inputs, previous)
        for _ in range(2000):  # more than the 5 ms after which Python lets another thread run
            torch.ones(64, device=inputs.device).sum()
            if self.seed != inputs.seed:
                return Mask.full(inputs.shape)
        return mask


class Homebound(Norm):
    """Works in the process in which it was made."""

    def __init__(self, config: NormConfig) -> None:
        super().__init__(config)
        self.home = os.getpid()

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        if os.getpid() != self.home:
            raise RuntimeError("this is not where I was made")
        return super().scores(inputs, index)


BROKEN: dict[str, list[Masker]] = {
    "check_only_visible_keys": [BeyondSight(NormConfig()), WrongShape(NormConfig())],
    "check_nothing_is_lost": [Forgetful(NormConfig())],
    "check_full_stays_full": [Forgetful(NormConfig())],
    "check_selected_keys_are_certain": [Hesitant(NormConfig())],
    "check_something_is_selected": [Stingy(NormConfig())],
    "check_size_of_everything_selects_everything": [NeverAll(NormConfig())],
    "check_before_a_draw_all_is_certain": [NeverPromoting(CoinConfig())],
    "check_inputs_are_not_written": [Scribbling(NormConfig())],
    "check_representation_does_not_matter": [Snobbish(NormConfig())],
    "check_same_call_same_mask": [Counting(NormConfig())],
    "check_no_state_in_the_masker": [Remembering(NormConfig())],
    "check_batch_rows_are_independent": [Averaging(NormConfig())],
    "check_left_padding_changes_nothing": [ByColumn(NormConfig())],
    "check_permuted_keys_permute_the_mask": [ByColumn(NormConfig())],
    "check_unwritten_cache_changes_nothing": [ReadingAhead(NormConfig())],
    "check_kv_heads_are_independent_of_their_group": [CountingHeads(NormConfig())],
    "check_tensors_stay_on_the_device": [Homeless(NormConfig())],
    "check_global_generators_are_left_alone": [Gambling(NormConfig()), Dicing(NormConfig())],
    "check_decoding_gives_the_last_row": [Together(NormConfig())],
    "check_keys_in_pieces_are_keys_at_once": [Piecemeal(NormConfig())],
    "check_truncated_is_never_seen": [Untruncated(NormConfig())],
    "check_drafts_may_be_rejected": [Untruncated(NormConfig())],
    "check_question_again_same_mask": [Fidgeting(NormConfig())],
    "check_other_precisions_work": [OnlyFloat32(NormConfig())],
    "check_equal_keys_are_fine": [Dividing(CoinConfig())],
    "check_huge_keys_are_fine": [Overflowing(NormConfig())],
    "check_nan_in_padding_changes_nothing": [Touchy(NormConfig())],
    "check_another_seed_draws_differently": [Fated(CoinConfig())],
    "check_draws_are_unbiased": [Boasting(CoinConfig())],
    "check_config_survives_saving": [Norm(SilentConfig(budget=7))],
    "check_masker_can_be_pickled": [Unpicklable(NormConfig())],
    "check_masker_serves_many_threads": [Blackboard(NormConfig())],
    "check_masker_survives_a_fork": [Homebound(NormConfig())],
}
