"""What transformers calls: one attention function and one mask function, registered once for the process.

Both look at the forward at work in this context. Where a mode wants it sparse they are ours; everywhere else (another
thread, a dense mode, a context being read) they are the implementation that the model was found with. A compiled graph
calls them and does not look inside: what they do is another thing in every forward.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

from sah_hf.attention.attention_call import AttentionCall, AttentionResult
from sah_hf.attention.switch import original_implementation
from sah_hf.attention.switched_name import IMPLEMENTATION
from sah_hf.attention.untraced import untraced

from .mode import current_forward, forward_of

__all__ = ["register", "sparse_attention", "sparse_mask"]


@cache
def register() -> None:
    """Make both functions known to transformers; there is no way to take them back, and none is needed."""
    AttentionInterface.register(IMPLEMENTATION, sparse_attention)
    AttentionMaskInterface.register(IMPLEMENTATION, sparse_mask)


@untraced
def sparse_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    **keywords: Any,
) -> AttentionResult:
    """Attention as transformers asks for it: sparse where the forward at work is, else the model's own."""
    call = AttentionCall(module, query, key, value, attention_mask, scaling, dropout, keywords)
    forward = forward_of(module)
    return call.dense() if forward is None else forward.attend(call)


@untraced
def sparse_mask(**keywords: Any) -> Any:
    """The mask of the forward at work: additive where it is sparse, else what the model's own implementation takes."""
    forward = current_forward()
    config = keywords["config"]
    if forward is not None and forward.owns(config):
        return ALL_MASK_ATTENTION_FUNCTIONS["eager"](**keywords)
    name = original_implementation(config)
    # An implementation without a mask function of its own gets no mask, as it does from transformers.
    return ALL_MASK_ATTENTION_FUNCTIONS[name](**keywords) if name in ALL_MASK_ATTENTION_FUNCTIONS else None
