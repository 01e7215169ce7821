"""Hypothesis strategies for masks and attention inputs, for this project's tests and a plugin author's.

Needs the ``testing`` extra: ``pip install "sah-core[testing]"``.
"""

from .strategies import attention_inputs, mask_shapes, masks

__all__ = ["attention_inputs", "mask_shapes", "masks"]
