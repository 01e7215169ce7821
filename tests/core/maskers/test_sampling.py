"""Laws of sampling maskers: what is drawn, how probable it was, from which numbers; and estimates are unbiased."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    CompositionError,
    KeyIndex,
    Mask,
    Masker,
    MaskerConfig,
    OpenUnits,
    PositionalMasker,
    Residual,
    SamplingMasker,
    TopKMasker,
    Units,
    apply_maskers,
    attention_denominator,
    attention_numerator,
)
from sah_core.testing import attention_inputs, masks


def three(tensors: Iterable[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values."""
    queries, keys, values = tensors
    return queries, keys, values


class CoinConfig(MaskerConfig):
    """Draw every residual key with one probability."""

    sampling: ClassVar[bool] = True
    kind: Literal["coin"] = "coin"
    rate: float = 0.5
    share_kv_group: bool = False


class Coin(SamplingMasker[CoinConfig]):
    """Independent draws at one rate."""

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        return torch.full((1, 1, 1, 1), self.config.rate, device=inputs.device)


class LeaningConfig(CoinConfig):
    """Draw later keys with a larger probability."""

    kind: Literal["leaning"] = "leaning"  # type: ignore[assignment]  # a kind of its own


class Leaning(SamplingMasker[LeaningConfig]):
    """Probability (j + 1) / (k + 1) at key j: far from uniform."""

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        keys = inputs.shape[3]
        return (torch.arange(keys, device=inputs.device) + 1) / (keys + 1)


class BestConfig(MaskerConfig):
    """Keep the best key."""

    kind: Literal["best"] = "best"
    budget: int = 1


class Best(TopKMasker[BestConfig]):
    """Exact logits."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return inputs.logits


class FirstConfig(MaskerConfig):
    """Keep the first key."""

    kind: Literal["first"] = "first"


class First(PositionalMasker[FirstConfig]):
    """[0, 1)."""

    def spans(self, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        zero = torch.zeros((1, 1, 1), dtype=torch.int64, device=inputs.device)
        return zero, zero + 1


class WrongCoin(Coin):
    """Draws a mask of another shape."""

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        return Mask.full((9, 9, 9, 9))


@given(attention_inputs(), st.data(), st.sampled_from([0.0, 0.3, 1.0]), st.booleans())
def test_a_draw_comes_from_the_residual_and_the_rest_becomes_certain(
    inputs: AttentionInputs, data: st.DataObject, rate: float, share: bool
) -> None:
    """previous.promote() | draw: new keys were visible and unattended, and carry exactly their probability."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    before = previous.to_dense()
    after = Coin(CoinConfig(rate=rate, share_kv_group=share)).add_mask(inputs, previous).to_dense()
    residual = inputs.visible & (before == 0)
    assert bool((after[before > 0] == 1).all())
    assert bool(((after[residual] == 0) | (after[residual] == torch.tensor(rate))).all())
    assert bool((after[~inputs.visible.expand(inputs.shape)] == 0).all())
    assert torch.equal(previous.to_dense(), before)
    if rate == 1.0:
        assert bool((after[residual] == 1).all())


@given(attention_inputs(), st.data(), st.booleans())
def test_the_residual_is_what_is_visible_and_not_attended(
    inputs: AttentionInputs, data: st.DataObject, share: bool
) -> None:
    """Cells and counts leave out what is attended with any probability; a group has the union of its heads'."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    seen: list[Residual] = []

    class Watching(Coin):
        """Keeps the residual it was given."""

        def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
            seen.append(residual)
            return super().inclusion(inputs, residual)

    Watching(CoinConfig(share_kv_group=share)).add_mask(inputs, previous)
    free = inputs.visible & (previous.to_dense() == 0)
    if share:
        free = free.reshape(inputs.shape[0], inputs.kv_heads, -1, *inputs.shape[2:]).any(2)
    if previous != Mask.full(inputs.shape) or seen:
        assert torch.equal(seen[0].cells, free)
        assert torch.equal(seen[0].counts, free.sum(-1))
        assert bool((seen[0].uniforms()[~free] == 1).all())


def _chains() -> list[list[Masker]]:
    coin, leaning, best, first = (
        Coin(CoinConfig(rate=0.4)),
        Leaning(LeaningConfig()),
        Best(BestConfig()),
        First(FirstConfig()),
    )
    shared = Coin(CoinConfig(rate=0.4, share_kv_group=True))
    return [
        [coin],
        [leaning],
        [first, best, leaning],
        [coin, best],
        [leaning, coin],
        [best, leaning, first, coin],
        [best, shared],
    ]


@pytest.mark.filterwarnings("ignore::sah_core.config.CompositionWarning")
@pytest.mark.parametrize("chain", _chains(), ids=lambda chain: "-".join(masker.config.kind for masker in chain))
def test_every_chain_estimates_numerator_and_denominator_without_bias(chain: list[Masker]) -> None:
    """Over 4000 seeded draws both sums average to the dense ones, within 4 standard errors; float64, per head."""
    torch.manual_seed(1)
    trials = 4000
    parts = [torch.randn(1, h, n, d, dtype=torch.float64) for h, n, d in ((4, 1, 3), (2, 9, 3), (2, 9, 2))]
    inputs = AttentionInputs(*three(part.expand(trials, -1, -1, -1) for part in parts), row_ids=range(trials))
    shift = inputs.logits.amax(-1, keepdim=True)
    mask = apply_maskers(chain, inputs)
    full = Mask.full(inputs.shape)
    for part in (attention_numerator, attention_denominator):
        estimates, exact = part(inputs, mask, shift), part(inputs, full, shift)[0]
        error = estimates.std(0) / trials**0.5
        assert bool(((estimates.mean(0) - exact).abs() <= 4 * error + 1e-12).all())
        assert bool((error > 0).any())


def test_keys_are_drawn_as_often_as_they_say() -> None:
    """Over 20000 draws the frequency of every key is its stored probability, within 4 standard errors."""
    trials, keys = 20_000, 5
    parts = (torch.ones(trials, 1, 1, 1), torch.ones(trials, 1, keys, 1), torch.ones(trials, 1, keys, 1))
    inputs = AttentionInputs(*three(parts), row_ids=range(trials))
    drawn = Leaning(LeaningConfig()).add_mask(inputs, Mask.empty(inputs.shape)).to_dense()[:, 0, 0]
    stated = (torch.arange(keys) + 1) / (keys + 1)
    assert bool(((drawn == 0) | (drawn == stated)).all())
    error = (stated * (1 - stated) / trials).sqrt()
    assert bool((((drawn > 0).double().mean(0) - stated).abs() < 4 * error).all())


def test_the_numbers_are_fine_enough_for_small_probabilities() -> None:
    """Uniform numbers are double: float32's, multiples of 2^-24, would draw a key of pi = 1e-8 six times too often."""
    inputs = AttentionInputs(*three(torch.ones(64, 1, n, 1) for n in (1, 256, 256)))
    numbers = Residual(
        OpenUnits.of(inputs, Units.of(inputs, 1), Mask.empty(inputs.shape)), Mask.empty(inputs.shape), inputs
    ).uniforms()
    assert numbers.dtype == torch.float64
    assert bool((numbers * 2**24 % 1 != 0).float().mean() > 0.99)
    assert len(set(numbers.flatten().tolist())) == numbers.numel()


@settings(max_examples=50)
@given(st.integers(1, 6), st.integers(0, 5), st.integers(1, 2), st.booleans(), st.integers(0, 3), st.integers(0, 99))
def test_a_row_draws_the_same_alone_in_a_batch_and_behind_padding(
    keys: int, pad: int, queries: int, share: bool, layer: int, seed: int
) -> None:
    """The draw of a request depends on its row id and its own tokens, not on the batch around it or the padding."""
    random = torch.Generator().manual_seed(seed)
    queries = min(queries, keys)
    shapes = ((3, 4, queries, 2), (3, 2, keys + pad, 2), (3, 2, keys + pad, 2))
    q, k, v = (torch.randn(shape, generator=random) for shape in shapes)
    width = keys + pad
    causal = torch.arange(width) <= torch.arange(width - queries, width).unsqueeze(-1)
    pads = torch.tensor([pad, pad, 0]).reshape(3, 1, 1, 1)
    visible = causal & (torch.arange(width) >= pads)
    masker = Coin(CoinConfig(share_kv_group=share))
    batch = AttentionInputs(q, k, v, visible, layer_idx=layer, row_ids=[7, 8, 9], seed=seed)
    together = masker.add_mask(batch, Mask.empty(batch.shape))
    alone = AttentionInputs(
        q[1:2], k[1:2, :, pad:], v[1:2, :, pad:], causal[:, pad:][None, None], layer_idx=layer, row_ids=[8], seed=seed
    )
    assert torch.equal(together[1].to_dense()[..., pad:], masker.add_mask(alone, Mask.empty(alone.shape)).to_dense())


def test_what_a_draw_depends_on() -> None:
    """Same name, same draw; another seed, row id, layer, place in the list or query position, another draw."""
    parts = [torch.ones(1, 1, n, 1) for n in (1, 64, 64)]

    def drawn(**options: object) -> Tensor:
        inputs = AttentionInputs(*three(parts), **options)  # type: ignore[arg-type]  # options of any type
        return Coin(CoinConfig()).add_mask(inputs, Mask.empty(inputs.shape)).to_dense()

    torch.manual_seed(1)
    first = drawn()
    torch.manual_seed(2)
    assert torch.equal(first, drawn())
    others: list[dict[str, object]] = [
        {"seed": 1},
        {"row_ids": [1]},
        {"layer_idx": 1},
        {"masker_position": 1},
        {"query_positions": torch.tensor([99])},
    ]
    for other in others:
        assert not torch.equal(first, drawn(**other))


def test_the_global_generator_is_left_alone() -> None:
    """Drawing neither uses nor moves torch's global generator."""
    inputs = AttentionInputs(*three(torch.ones(1, 1, n, 1) for n in (1, 8, 8)))
    before = torch.get_rng_state()
    Coin(CoinConfig()).add_mask(inputs, Mask.empty(inputs.shape))
    assert torch.equal(before, torch.get_rng_state())


def test_heads_of_a_group_share_a_draw_and_others_do_not() -> None:
    """With share_kv_group the heads of a KV head have one row, stored once; without, each has its own."""
    inputs = AttentionInputs(*three(torch.ones(1, h, n, 1) for h, n in ((4, 1), (2, 64), (2, 64))))
    empty = Mask.empty(inputs.shape)
    shared = Coin(CoinConfig(share_kv_group=True)).add_mask(inputs, empty)
    own = Coin(CoinConfig()).add_mask(inputs, empty)
    assert shared.index_rows().rows == (1, 2, 1)
    assert shared[0, 0] == shared[0, 1]
    assert shared[0, 0] != shared[0, 2]
    assert own[0, 0] != own[0, 1]


def test_a_draw_of_another_shape_is_named() -> None:
    """A method that draws for other inputs is told what it drew and what was expected."""
    inputs = AttentionInputs(*three(torch.ones(1, 1, n, 1) for n in (1, 8, 8)))
    with pytest.raises(CompositionError, match=r"coin drew a mask of shape \(9, 9, 9, 9\); expected \(1, 1, 1, 8\)"):
        WrongCoin(CoinConfig()).add_mask(inputs, Mask.empty(inputs.shape))
