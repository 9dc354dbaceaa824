import pytest
from pyarrow import field, int64, string

from pipeline.index import filters
from pipeline.index.milvus_expressions import both, literal, none_of, of_condition, one_of


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Pont du Gard", '"Pont du Gard"'),
        ('the "old" bridge', r'"the \"old\" bridge"'),
        ("a\\b", r'"a\\b"'),
        ('\\"', r'"\\\""'),
        ("two\nlines\r\n\tof", r'"two\nlines\r\n\tof"'),
        ("100%_", '"100%_"'),
        ("Zoë 東京", '"Zoë 東京"'),
        ("", '""'),
        ('" or label >= 0 or id == "', r'"\" or label >= 0 or id == \""'),
        (-3, "-3"),
    ],
)
def test_values_are_written_so_that_nothing_in_them_is_code(value: str, written: str) -> None:
    assert literal(value) == written


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        ("landmark=a|b", 'landmark in ["a", "b"]'),
        ("landmark!=", 'not (landmark in [""])'),
        ("date>=2019-01", '(date >= "2019-01") and (not (date in [""]))'),
        ("label=-1|007", "label in [-1, 7]"),
        ("label<=4", "label <= 4"),
    ],
)
def test_conditions_as_expressions(condition: str, expression: str) -> None:
    (parsed,) = filters.parse([condition])
    column = field(parsed.column, int64() if parsed.column == "label" else string())
    assert of_condition(parsed, column) == expression


def test_expressions_are_joined_and_lists_may_be_empty() -> None:
    assert both("", "a > 1", "b < 2") == "(a > 1) and (b < 2)"
    assert both("") == ""
    assert one_of("id", []) == "id in []"
    assert none_of("key", [3]) == "not (key in [3])"
