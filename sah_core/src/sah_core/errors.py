"""Every error a user can cause: one small hierarchy, one clear sentence each.

A message says what was given, where, what was expected and, where it helps, what to do.
The command line prints the message alone and leaves with the class's ``exit_code``.
"""

from __future__ import annotations

__all__ = [
    "CalibrationError",
    "CompositionError",
    "ConfigError",
    "EmptyRowError",
    "InputsError",
    "MaskError",
    "NumericalError",
    "PluginError",
    "SahError",
    "StateError",
    "UnknownMaskerError",
    "UsageError",
]


class SahError(Exception):
    """Base of every error that Sparse Attention Hub raises on purpose."""

    exit_code = 1


class UsageError(SahError):
    """A command or function was called in a way that cannot work."""

    exit_code = 2


class ConfigError(SahError):
    """A config, or a file that should hold one, is not valid."""

    exit_code = 2


class CalibrationError(ConfigError):
    """What a config refers to was not learned, or was learned from something else."""


class UnknownMaskerError(ConfigError):
    """A config names a masker kind that no working plugin offers."""


class PluginError(SahError):
    """An installed plugin could not be loaded or used."""


class MaskError(SahError, ValueError):
    """A mask was built or combined from values that do not describe one."""


class InputsError(SahError, ValueError):
    """Tensors handed to attention do not fit together."""


class StateError(SahError):
    """A request's state does not fit the keys it is asked about."""


class CompositionError(SahError):
    """A masker, or a list of maskers, breaks a rule of composition."""


class EmptyRowError(SahError):
    """A query that can see keys was left with none to attend to."""


class NumericalError(SahError, ArithmeticError):
    """NaN or infinity appeared among the selected logits or in the output."""
