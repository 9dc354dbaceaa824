from typing import Any

import pytest

from demo.asking import fields
from demo.refusals import Refused, shown


@pytest.mark.parametrize("sent", [[1, -2, 30.0, 40], (1, -2, 30, 40), "1,-2,30,40", " 1, -2,30,40"])
def test_a_box_is_read_the_same_from_numbers_and_from_text(sent: Any) -> None:
    assert fields.box(sent) == (1, -2, 30, 40)
    assert fields.box(None) is None
    assert fields.box("") is None


@pytest.mark.parametrize(
    "sent", [[1, 2, 3], "1,2,3", "a,b,c,d", [1, 2, 3, "4"], 7, {}, [1, 2, 3, True],
             [1, 2, 3, float("inf")], [1, 2, 3, float("nan")], [1, 2, 3, 4.5], "1,2,3,1e3",
             "1,2,3," + "9" * 5000, True],
)  # fmt: skip
def test_what_is_no_box_is_refused(sent: Any) -> None:
    with pytest.raises(Refused, match="four whole numbers"):
        fields.box(sent)


def test_errors_of_the_pipeline_name_fields_not_flags() -> None:
    told = shown(ValueError("--box=x1,y1,x2,y2 has to hold a part; --expand or --fuse, `a --b=c`."))
    assert str(told) == "box has to hold a part; expand or fuse, `a --b=c`."
