"""docs/models.md is true of the transformers that is installed: each family is tried again."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from sah_hf.survey.building import model_types
from sah_hf.survey.table import SurveyTable
from sah_hf.survey.trial import MISSING_PACKAGES, try_family

PAGE = Path(__file__).parents[3] / "docs" / "models.md"
TABLE = SurveyTable.read(PAGE)
VERSION = transformers.__version__
AGAIN = "python -m sah_hf.survey -o docs/models.md"


@pytest.mark.skipif(VERSION not in TABLE.versions, reason=f"docs/models.md has no column for {VERSION}: run {AGAIN}")
@pytest.mark.parametrize("model_type", model_types())
def test_the_page_is_true(model_type: str) -> None:
    """What comes of a model type is what the page says: verdict, layers, reason, and in the newest version the rest."""
    row = TABLE.rows.get(model_type)
    assert row is not None, f"the page lacks {model_type}: run {AGAIN}"
    trial = try_family(model_type)
    if row.verdicts[VERSION].reason == MISSING_PACKAGES != trial.verdict.reason:
        pytest.skip("the page was written where packages that it needs were not installed")
    assert trial.verdict == row.verdicts[VERSION], f"error {trial.error}; if this is right, run {AGAIN}"
    if next(version for version in TABLE.versions if version in row.verdicts) == VERSION:
        assert (trial.model_class, trial.attention) == (row.model_class, row.attention)


@pytest.mark.skipif(VERSION not in TABLE.versions, reason="as above")
def test_the_page_has_no_others() -> None:
    """No model type stands there that this version does not map."""
    assert [name for name, row in TABLE.rows.items() if VERSION in row.verdicts] == list(model_types())


def test_most_families_are_exact() -> None:
    """Of the newest version's families at least 135 are exact, and none is wrong in any version."""
    newest = TABLE.versions[0]
    kinds = [row.verdicts[newest].kind for row in TABLE.rows.values() if newest in row.verdicts]
    assert kinds.count("exact") >= 135
    wrong = [row for row in TABLE.rows.values() if "wrong" in {verdict.kind for verdict in row.verdicts.values()}]
    assert wrong == []
