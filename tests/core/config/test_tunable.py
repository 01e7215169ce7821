"""What is worth trying of a field: declared beside it, or taken from its type and bounds."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, ValidationError, field_validator

from sah_core import ConfigError, MaskerConfig, NotTunable, Size, StrictFraction, Tunable
from sah_core.tunable_fields import fitted, tunable_fields

numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
ranges = st.builds(
    lambda ends, log: Tunable(min(ends), max(ends), log=log and min(ends) > 0),
    st.tuples(numbers, numbers).filter(lambda ends: ends[0] != ends[1]),
    st.booleans(),
)


class PlainConfig(MaskerConfig):
    """Fields that declare nothing."""

    kind: Literal["plain"] = "plain"
    budget: Size = 0.1
    count: int = Field(default=6, ge=1, le=64)
    scale: float = Field(default=2.0, gt=0)
    share: bool = False
    mode: Literal["exact", "fast"] = "exact"
    mass: StrictFraction = 0.9


class DeclaredConfig(MaskerConfig):
    """The same fields, with what is worth trying of each."""

    kind: Literal["plain"] = "plain"
    budget: Annotated[Size, Tunable(0.01, 0.5, log=True)] = 0.1
    count: Annotated[int, Tunable(choices=(4, 8, 16))] = Field(default=6, ge=1, le=64)
    scale: Annotated[float, Tunable(1, 4)] = Field(default=2.0, gt=0)
    share: Annotated[bool, NotTunable()] = False
    mode: Annotated[Literal["exact", "fast"], NotTunable()] = "exact"
    mass: Annotated[StrictFraction, Tunable(0.5, 0.99)] = 0.9


DeclaredConfig.__name__ = DeclaredConfig.__qualname__ = PlainConfig.__name__
DeclaredConfig.__doc__ = PlainConfig.__doc__

# -- a declaration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "neither was given"),
        ({"low": 1}, "high of a range should be a finite number, not None"),
        ({"low": True, "high": 3}, "low of a range should be a finite number, not True"),
        ({"low": 1.0, "high": math.inf}, "high of a range should be a finite number, not inf"),
        ({"low": "1", "high": 3}, "low of a range should be a finite number, not '1'"),
        ({"low": 4, "high": 4}, "low should be less than high, not 4 with high = 4"),
        ({"low": 0, "high": 4, "log": True}, "log needs a range above 0, and low is 0"),
        ({"choices": ()}, "at least one value, not ()"),
        ({"choices": "abc"}, "at least one value, not 'abc'"),
        ({"choices": (1, None)}, "a choice should be a string, a finite number, True or False, not None"),
        ({"choices": (math.nan,)}, "a finite number, True or False, not nan"),
        ({"choices": (1, 2, 1.0)}, "choices should differ: 1 and 1.0 are equal"),
        ({"choices": (1, 2), "high": 4}, "write choices, or low and high, and not both"),
        ({"choices": (1, 2), "log": True}, "write choices, or low and high, and not both"),
    ],
)
def test_a_range_that_is_none_is_refused(given: dict[str, Any], said: str) -> None:
    """When it is written, in a sentence that says what was given."""
    with pytest.raises(ConfigError) as raised:
        Tunable(**given)
    assert said in str(raised.value)


@given(ranges, numbers)
def test_a_range_widens_as_far_as_needed(tried: Tunable, value: float) -> None:
    """It includes the value, all that it included before, and no more."""
    assume(not (tried.whole and isinstance(value, float)) and not (tried.log and value <= 0))
    low, high = tried.ends
    assert tried.including(value).ends == (min(low, value), max(high, value))
    assert tried.including(value).whole == tried.whole


@given(ranges)
def test_integers_stay_integers(tried: Tunable) -> None:
    """A float or a string has no place in a range of integers, and 0 none in one by factors."""
    assume(tried.whole)
    for value in (0.5, "a", True):
        with pytest.raises(ConfigError, match="cannot be in the range"):
            tried.including(value)
    if tried.log:
        with pytest.raises(ConfigError, match="log needs a range above 0"):
            tried.including(0)


def test_choices_take_one_more() -> None:
    """At the end; one that is there is not there twice, and 1.0 is not 1."""
    tried = Tunable(choices=(4, 8))
    assert tried.including(8) == tried
    assert tried.including(3) == Tunable(choices=(4, 8, 3))
    with pytest.raises(ConfigError, match=r"8 and 8\.0 are equal"):
        tried.including(8.0)


def test_one_key_is_not_all_keys() -> None:
    """Ranges of integers and of floats are not equal, whatever Python thinks of 1 and 1.0."""
    assert Tunable(1, 2) != Tunable(1.0, 2.0)
    assert Tunable(choices=(1,)) != Tunable(choices=(1.0,))
    assert Tunable(1, 2) == Tunable(1, 2)


# -- beside a field ----------------------------------------------------------------------------------------------------


def test_a_declaration_is_not_in_the_schema() -> None:
    """Editors and `sah maskers` see the same field."""
    assert DeclaredConfig.model_json_schema() == PlainConfig.model_json_schema()


@given(
    st.sampled_from(sorted(PlainConfig.model_fields)),
    st.none() | st.booleans() | st.integers(-2, 70) | st.floats() | st.sampled_from(["exact", "plain", "4", "true"]),
)
def test_a_declaration_changes_nothing_that_a_field_accepts(name: str, value: Any) -> None:
    """What is accepted, what it becomes, and what is said of the rest are the same."""

    def outcome(config: type[MaskerConfig]) -> Any:
        try:
            return repr(config.model_validate({name: value}).model_dump())
        except ValidationError as error:
            return [(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]

    assert outcome(DeclaredConfig) == outcome(PlainConfig)


def test_what_is_declared_is_tuned_so() -> None:
    """As values of the field's type, and with the start among them."""
    assert tunable_fields(DeclaredConfig()) == {
        "budget": Tunable(0.01, 0.5, log=True),
        "count": Tunable(choices=(4, 8, 16, 6)),
        "scale": Tunable(1.0, 4.0),
        "mass": Tunable(0.5, 0.99),
    }
    assert tunable_fields(DeclaredConfig(budget=0.8, scale=0.5))["budget"] == Tunable(0.01, 0.8, log=True)


def test_fractions_are_not_tried_of_a_size_in_keys() -> None:
    """Such a start keeps its sort, and gets a range by its type."""
    assert tunable_fields(DeclaredConfig(budget=64))["budget"] == Tunable(16, 256, log=True)


@pytest.mark.parametrize(
    ("name", "tried", "said"),
    [
        ("count", Tunable(1, 65), "plain.count cannot be 65: Input should be less than or equal to 64"),
        ("count", Tunable(choices=(4, 0)), "plain.count cannot be 0: Input should be greater than or equal to 1"),
        ("count", Tunable(choices=(4, 8.0)), "plain.count cannot be 8.0: Input should be a valid integer"),
        ("count", Tunable(1.0, 8), "plain.count is an integer: low and high of its range should be too"),
        ("budget", Tunable(1, 64), "plain.budget starts at 0.1, a fraction, and its range is of keys"),
        ("budget", Tunable(0.5, 2.0), "plain.budget cannot be 2.0: Input should be a number of keys"),
        ("share", Tunable(0, 1), "plain.share is no number: write the values to try as a list, not as a range"),
        ("mode", Tunable(choices=("exact", "slow")), "plain.mode cannot be 'slow': Input should be 'exact' or 'fast'"),
    ],
)
def test_a_range_that_the_field_does_not_accept_is_refused(name: str, tried: Tunable, said: str) -> None:
    """With the field, the value and the field's own rule."""
    with pytest.raises(ConfigError) as raised:
        fitted(tried, PlainConfig(), name)
    assert said in str(raised.value)


def test_an_integer_means_a_float_where_the_field_is_one() -> None:
    """`low: 1` of a number, and `high: 1` of a fraction: no start has to be written with a point."""
    assert fitted(Tunable(1, 8), PlainConfig(), "scale") == Tunable(1.0, 8.0)
    assert fitted(Tunable(choices=(1, 8)), PlainConfig(), "scale") == Tunable(choices=(1.0, 8.0, 2.0))
    assert fitted(Tunable(0.05, 1), PlainConfig(), "budget") == Tunable(0.05, 1.0)


# -- by type and bounds ------------------------------------------------------------------------------------------------


class AnyConfig(MaskerConfig):
    """With a kind, and whatever field a test adds."""

    kind: str = "one"


def with_field(annotation: Any, **rules: Any) -> type[AnyConfig]:
    """A config class with this field, which declares nothing."""
    written = {"__annotations__": {"field": annotation}, "__module__": __name__, "field": Field(**rules)}
    return type("FieldConfig", (AnyConfig,), written)


def derived(annotation: Any, start: Any, **rules: Any) -> Tunable | None:
    """What is tried of such a field."""
    return tunable_fields(with_field(annotation, default=start, **rules)()).get("field")


@pytest.mark.parametrize(
    ("annotation", "start", "rules", "expected"),
    [
        (bool, True, {}, Tunable(choices=(False, True))),
        (Literal["a", "b", "c"], "b", {}, Tunable(choices=("a", "b", "c"))),
        (Literal[1, 2], 2, {}, Tunable(choices=(1, 2))),
        (Size, 0.1, {}, Tunable(0.0125, 0.4, log=True)),
        (Size, 0.5, {}, Tunable(0.0625, 1.0, log=True)),
        (Size, 64, {}, Tunable(16, 256, log=True)),
        (Size, 1, {}, Tunable(1, 4, log=True)),
        (int, 10, {"ge": 1, "le": 15}, Tunable(1, 15)),
        (int, 10, {"gt": 0, "lt": 17}, Tunable(1, 16, log=True)),
        (int, 0, {"ge": 0, "le": 100}, Tunable(0, 100)),
        (int, 16, {"ge": 1}, Tunable(4, 64, log=True)),
        (int, 16, {"ge": 8}, Tunable(8, 64, log=True)),
        (int, 16, {"le": 32}, Tunable(4, 32, log=True)),
        (int, 16, {}, Tunable(4, 64, log=True)),
        (StrictFraction, 0.9, {}, Tunable(0.01, 1.0)),
        (StrictFraction, 0.1, {}, Tunable(0.001, 1.0, log=True)),
        (Annotated[float, Field(gt=0.0, lt=1.0)], 0.5, {}, Tunable(0.01, 0.99)),
        (float, 0.5, {"ge": 0, "le": 1}, Tunable(0.0, 1.0)),
        (float, -1.0, {"ge": -2, "le": 2}, Tunable(-2.0, 2.0)),
        (float, 16.0, {"gt": 0}, Tunable(4.0, 64.0, log=True)),
        (float, 16.0, {"gt": 8}, Tunable(10.0, 64.0, log=True)),
        (float, 16.0, {"gt": 0, "le": math.inf}, Tunable(4.0, 64.0, log=True)),
    ],
)
def test_a_field_without_a_declaration_is_tuned_by_its_type(
    annotation: Any, start: Any, rules: dict[str, Any], expected: Tunable
) -> None:
    """So that a new plugin is tuned with no code of its own."""
    assert derived(annotation, start, **rules) == expected


def even(value: int) -> int:
    """A rule that bounds do not tell."""
    if value % 2:
        raise ValueError("should be even")
    return value


@pytest.mark.parametrize(
    ("annotation", "start", "rules"),
    [
        (str, "online", {}),
        (Literal["one"], "one", {}),
        (tuple[int, ...], (), {}),
        (int | None, None, {}),
        (int | None, 4, {}),
        (int, 0, {"ge": 0}),
        (float, -1.0, {}),
        (int, 8, {"ge": 1, "le": 64, "multiple_of": 8}),
        (Annotated[int, AfterValidator(even)], 8, {"ge": 1, "le": 64}),
        (int, 3, {"ge": 3, "le": 3}),
    ],
)
def test_what_no_type_tells_is_not_tuned(annotation: Any, start: Any, rules: dict[str, Any]) -> None:
    """Text, lists, null, a start without a scale, and rules beyond bounds, which only the author knows."""
    assert derived(annotation, start, **rules) is None


def test_seeds_and_what_a_method_checks_are_not_tuned_unless_declared() -> None:
    """The luckiest draw is no better config; a declaration says what a rule of one's own leaves."""

    class Checked(MaskerConfig):
        sampling: ClassVar[bool] = True
        kind: Literal["checked"] = "checked"
        seed: int = Field(default=7, ge=0)
        first: int = Field(default=8, ge=1)
        second: Annotated[int, Tunable(choices=(4, 8))] = Field(default=8, ge=1)

        @field_validator("first", "second")
        @classmethod
        def _is_even(cls, value: int) -> int:
            return even(value)

    assert tunable_fields(Checked()) == {"second": Tunable(choices=(4, 8))}
    with pytest.raises(ConfigError, match=r"checked\.second cannot be 3: should be even"):
        fitted(Tunable(choices=(3,)), Checked(), "second")


bounds = st.integers(-50, 50)


@given(
    st.sampled_from([int, float]),
    st.none() | st.tuples(st.sampled_from(["ge", "gt"]), bounds),
    st.none() | st.tuples(st.sampled_from(["le", "lt"]), bounds),
    st.integers(-60, 60) | st.floats(-60, 60),
)
def test_every_end_is_accepted_and_the_start_is_between(
    type_: Any, low: tuple[str, int] | None, high: tuple[str, int] | None, start: float
) -> None:
    """Whatever the bounds: what is tried is never refused by the field that it was taken from."""
    start = type_(start)
    rules = dict(filter(None, (low, high)))
    try:
        config = with_field(type_, **rules).model_validate({"field": start})
    except (ValidationError, TypeError):
        assume(False)
        return
    tried = tunable_fields(config).get("field")
    if tried is not None:
        for end in tried.ends:
            config.model_validate({"field": end})
            assert type(end) is type_
        assert tried.ends[0] <= start <= tried.ends[1]


@given(st.integers(1, 10**9) | st.floats(1e-6, 1.0))
def test_a_size_is_tried_around_its_start(start: float) -> None:
    """In keys or in fractions as it is written, and the start is between."""
    tried = tunable_fields(PlainConfig(budget=start))["budget"]
    low, high = tried.ends
    assert tried.log
    assert tried.whole == isinstance(start, int)
    assert low <= start <= high
    PlainConfig(budget=low), PlainConfig(budget=high)
