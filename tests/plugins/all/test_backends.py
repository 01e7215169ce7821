"""The two backends agree on every config that both run: the same mask, and the same output."""

from __future__ import annotations

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sah_core import (
    AttentionInputs,
    AttentionState,
    EfficientAttention,
    EmptyRowError,
    MaskerConfig,
    ResearchAttention,
    create_masker,
    default_registry,
)
from sah_core.testing import attention_inputs, configs_of
from sah_core.testing.examples import Shapes

SHARED = [config for kind in default_registry().kinds for config in configs_of(kind) if not config.needs_logits]
every_config = pytest.mark.parametrize(
    "config", SHARED, ids=[f"{config.kind}-{number}" for number, config in enumerate(SHARED)]
)


def backends(config: MaskerConfig) -> tuple[ResearchAttention, EfficientAttention]:
    """Both, with a sink and a window before the masker, so that no row is left without a key."""
    maskers = [create_masker(each) for each in ({"kind": "sink", "size": 2}, {"kind": "local", "window": 3}, config)]
    return ResearchAttention(maskers, seed=5), EfficientAttention(maskers, seed=5)


def agree(config: MaskerConfig, inputs: AttentionInputs) -> None:
    """Each backend, with a state of its own, gives the same mask and output (1e-5), or names the same row."""
    research, efficient = backends(config)
    one, two = (
        attrs.evolve(inputs, state=AttentionState(inputs.state.context_length if inputs.state else None), shared={})
        for _ in range(2)
    )
    try:
        expected = research(one)
    except EmptyRowError as error:
        with pytest.raises(EmptyRowError, match=str(error)[:40]):
            efficient(two)
        return
    found = efficient(two)
    assert found.mask == expected.mask
    torch.testing.assert_close(found.output, expected.output, rtol=1e-5, atol=1e-5)


@every_config
@settings(max_examples=15)
@given(st.data())
def test_any_inputs(config: MaskerConfig, data: st.DataObject) -> None:
    """Padding, windows, biases, sinks, soft caps, groups, several queries: in double precision, whatever the logits."""
    shapes = Shapes.of(config, (8, 16))
    strategy = attention_inputs(
        max_keys=40, dtype=torch.float64, head_dims=shapes.head_dims, heads=shapes.heads, layers=shapes.layers
    )
    agree(config, data.draw(strategy))


def request(config: MaskerConfig, keys: int, queries: int = 1, layer: int = 1) -> AttentionInputs:
    """The last queries of a request in float32, 4 heads over 2 unless a calibration says otherwise."""
    shapes = Shapes.of(config, (16,))
    hq, hkv = shapes.heads or (4, 2)
    random = torch.Generator().manual_seed(keys)
    width = shapes.head_dims[0]
    q, k, v = (torch.randn(1, h, n, width, generator=random) for h, n in ((hq, queries), (hkv, keys), (hkv, keys)))
    causal = None if queries == 1 else torch.ones(1, 1, queries, keys, dtype=torch.bool).tril(keys - queries)
    return AttentionInputs(q, k, v, causal, layer_idx=layer)


@every_config
@pytest.mark.parametrize(("keys", "queries"), [(6000, 1), (700, 12)])
def test_long_rows(config: MaskerConfig, keys: int, queries: int) -> None:
    """A decode step over rows that are too long to sort, and the reading of a question, in float32."""
    agree(config, request(config, keys, queries))


@every_config
def test_a_request_step_by_step(config: MaskerConfig) -> None:
    """A context, a question of 5 tokens and 4 decode steps on one state: every step as the research backend's."""
    whole = request(config, 300)
    research, efficient = backends(config)
    states = AttentionState(context_length=280), AttentionState(context_length=280)
    length = 280
    for new in (5, 1, 1, 1, 1):
        length += new
        queries = torch.randn(1, whole.shape[1], new, whole.queries.shape[3])
        mask = torch.ones(1, 1, new, length, dtype=torch.bool).tril(length - new)
        one, two = (
            AttentionInputs(
                queries, whole.keys[:, :, :length], whole.values[:, :, :length], mask, layer_idx=1, state=state
            )
            for state in states
        )
        expected, found = research(one), efficient(two)
        assert found.mask == expected.mask
        torch.testing.assert_close(found.output, expected.output, rtol=1e-5, atol=1e-5)


@every_config
def test_what_a_query_learns(config: MaskerConfig) -> None:
    """The gradient of the queries through either backend is the same, and no masker minds that there is one."""
    gradients = []
    for backend in backends(config):
        inputs = request(config, 300)
        inputs.queries.requires_grad_()
        output = backend(inputs).output
        gradients.append(torch.autograd.grad(output.square().sum(), inputs.queries)[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)
