"""The rules that every masker keeps, checked of the positional maskers."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_window import CausalConfig, LocalConfig, SinkConfig


@masker_checks(SinkConfig(), SinkConfig(size=0.3), LocalConfig(), LocalConfig(window=3), CausalConfig())
def test_conformance(check: Callable[[], None]) -> None:
    """Sink, local and causal obey every rule of the conformance kit."""
    check()
