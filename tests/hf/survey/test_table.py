"""The page is written and read back without loss; a version's column is replaced alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sah_hf.survey.table import SurveyTable
from sah_hf.survey.trial import Trial, Verdict

EXACT = Verdict("exact", "2 of 2")
UNROUTED = Verdict("refused", reason="does not route | its attention")
OLD = [Trial("llama", "LlamaForCausalLM", EXACT, "MHA"), Trial("mega", "MegaForCausalLM", UNROUTED)]
NEW = [
    Trial("llama", "LlamaForCausalLM", EXACT, "GQA 2:1, window"),
    Trial("zaya", "ZayaForCausalLM", Verdict("wrong", "1 of 2", "logits differ"), "MQA 8:1"),
    Trial("bloom", "BloomForCausalLM", UNROUTED),
]


def both() -> SurveyTable:
    table = SurveyTable().with_trials("5.23.0", NEW, whole=True)
    return table.with_trials("4.57.6", OLD, whole=True)


def test_written_and_read(tmp_path: Path) -> None:
    """Reading the page gives the table that wrote it."""
    page = tmp_path / "models.md"
    page.write_text(both().markdown(), encoding="utf-8")
    assert SurveyTable.read(page) == both()
    assert SurveyTable.read(page).markdown() == page.read_text(encoding="utf-8")


def test_what_the_page_shows() -> None:
    """Newest version first, each count, a reason once, and families in wide use apart from the others."""
    lines = both().markdown().splitlines()
    assert "| transformers | 5.23.0 | 4.57.6 |" in lines
    assert "| refused | 1 | 1 |" in lines
    assert "| model types | 3 | 2 |" in lines
    assert "1. does not route | its attention" in lines
    wide, others = lines.index("## In wide use"), lines.index("## All others")
    assert (
        wide < lines.index("| `llama` | LlamaForCausalLM | GQA 2:1, window | exact, 2 of 2 | exact, 2 of 2 |") < others
    )
    assert lines.index("| `mega` | MegaForCausalLM | - | - | refused [1] |") > others
    assert lines.index("| `zaya` | ZayaForCausalLM | MQA 8:1 | wrong, 1 of 2 [2] | - |") > others


def test_one_column_is_replaced_alone() -> None:
    """A whole survey forgets what its version no longer has; a survey of some types leaves the others."""
    whole = both().with_trials("5.23.0", NEW[:1], whole=True)
    assert list(whole.rows) == ["llama", "mega"]
    assert whole.rows["mega"].verdicts == {"4.57.6": UNROUTED}
    some = both().with_trials("5.23.0", [Trial("zaya", "ZayaForCausalLM", EXACT)], whole=False)
    assert list(some.rows) == ["bloom", "llama", "mega", "zaya"]
    assert some.rows["zaya"].verdicts == {"5.23.0": EXACT}


def test_the_newest_version_tells_of_the_attention() -> None:
    """An older version's survey, run later, changes its own verdict alone; versions are compared as numbers."""
    assert both().rows["llama"].attention == "GQA 2:1, window"
    assert both().with_trials("5.100.0", OLD, whole=True).rows["llama"].attention == "MHA"


def test_a_page_that_is_damaged(tmp_path: Path) -> None:
    """A cell that is no verdict is not taken for one."""
    page = tmp_path / "models.md"
    page.write_text(both().markdown().replace("wrong, 1 of 2", "perhaps"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"'perhaps \[2\]' is no verdict"):
        SurveyTable.read(page)
