import numpy as np
import pyarrow as pa
import pytest

from pipeline.index import filters
from tests.vector_collections import photographs

TABLE = photographs(np.array([0, 1, 2, -1]))


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        ([], [0, 1, 2, 3]),
        (['landmark=landmark "1"'], [1]),
        (['landmark=landmark "1"|landmark "0"'], [0, 1]),
        (["landmark="], [3]),
        (["landmark!="], [0, 1, 2]),
        (["label>=1"], [1, 2]),
        (["label<=0"], [0, 3]),
        (["label=-1|2"], [2, 3]),
        (["author=Zoë"], [1, 2]),
        (["author~zO"], [1, 2]),
        (["id~photo 1|PHOTO 2"], [1, 2]),
        (["id~.*"], []),
        (["id>=photo 2"], [2, 3]),
        (["author=Zoë", "label<=1"], [1]),
    ],
)
def test_rows_that_satisfy_all_conditions(conditions: list[str], rows: list[int]) -> None:
    assert np.flatnonzero(filters.holds(TABLE, filters.parse(conditions))).tolist() == rows


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        (["date>=2015-01-01"], [1, 3]),
        (["date<=2015-08-03"], [0, 1]),
        (["date>=2015", "date<=2016"], [1]),
        (["date>="], [0, 1, 3]),
        (["date="], [2]),
        (["date!=2015-08-03"], [0, 2, 3]),
    ],
)
def test_an_unknown_date_is_within_no_bound(conditions: list[str], rows: list[int]) -> None:
    dates = pa.array(["2014-12-31", "2015-08-03", "", "2016-02-29"])
    table = TABLE.set_column(TABLE.schema.get_field_index("date"), "date", dates)
    assert np.flatnonzero(filters.holds(table, filters.parse(conditions))).tolist() == rows


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("landmark", "A condition is a column"),
        ("=x", "A condition is a column"),
        ("place=Paris", r"place=Paris is on no column .* id, content, label"),
        ("label=first", "label=first: label holds whole numbers"),
        ("label~1", "holds numbers, which hold no text"),
        ("label>=1|2", r"label>=1\|2 has to name one value"),
    ],
)
def test_conditions_that_are_none_are_told(condition: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        filters.holds(TABLE, filters.parse([condition]))


def test_a_condition_is_written_as_it_is_read() -> None:
    for text in ("landmark=a|b", "date>=2019-01-01", "author!="):
        assert [str(one) for one in filters.parse([text])] == [text]
