import re

import numpy as np

from demo.explaining import matched_points
from demo.explaining.shown import Shown
from demo.texts import Explained
from pipeline.answer import Result
from pipeline.ranking.verification import NOTHING, Verification
from pipeline.stored_photograph import StoredPhotograph

QUERY = Shown(url="/kept/a?width=900", width=200, height=100, name='the "query"')
FOUND = Shown(url="/photographs/m/i?width=900", width=50, height=100, name="Tower")


def result(verification: Verification | None) -> Result:
    names = ("id", "landmark", "title", "author", "license", "url", "date", "content", "shard")
    photograph = StoredPhotograph(label=-1, offset=0, **dict.fromkeys(names, ""))
    return Result(
        rank=1, similarity=0.5, probability=None, photograph=photograph, verification=verification
    )


def verified(points: list[list[list[float]]], score: float) -> Verification:
    return Verification(
        inliers=len(points),
        score=score,
        transform=np.eye(2, 3),
        matches=np.zeros((len(points), 2), np.int64),
        points=np.array(points, np.float32),
    )


def test_points_of_a_box_are_told_in_the_whole_photograph() -> None:
    found = result(verified([[[3, 4], [10, 20]]], score=99.0))
    whole = matched_points.matched_points(found, None)
    np.testing.assert_array_equal(whole.points, [[[3.5, 4.5], [10.5, 20.5]]])
    # A box that begins outside is cut at the border, as it was where features were looked for.
    of_box = matched_points.matched_points(found, (40, -5, 90, 60))
    np.testing.assert_array_equal(of_box.points, [[[43.5, 4.5], [10.5, 20.5]]])
    assert of_box.is_certain
    assert of_box.said == "1 places match"


def test_what_is_not_certain_is_said_so_and_what_was_not_compared() -> None:
    unsure = matched_points.matched_points(result(verified([[[1, 1], [1, 1]]], score=0.5)), None)
    assert not unsure.is_certain
    assert "no certain match (1 places)" in matched_points.draw(unsure, QUERY, FOUND)
    for verification, said in ((NOTHING, "no certain match (0 places)"), (None, "not compared")):
        found = matched_points.matched_points(result(verification), None)
        assert (len(found.points), found.said) == (0, said)
        drawn = matched_points.draw(found, QUERY, FOUND)
        assert drawn == f'<p class="note">{Explained.NO_MATCHES}</p>', "no photographs once more"


def test_lines_end_where_the_points_are_in_both_drawings() -> None:
    found = matched_points.matched_points(result(verified([[[99.5, 49.5], [24.5, 9.5]]], 99)), None)
    drawn = matched_points.draw(found, QUERY, FOUND)
    assert 'class="explained matched certain"' in drawn
    lines = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)">', drawn)
    # Beside: both 400 high, the query 800 wide, a gap of 10. Above: both 400 wide, so the query
    # 200 high and the result enlarged eightfold.
    beside, above = (tuple(map(float, line)) for line in lines)
    assert beside == (400.0, 200.0, 810.0 + 100.0, 40.0)
    assert above == (200.0, 100.0, 200.0, 210.0 + 80.0)
    assert 'viewBox="0 0 1010.0 400.0"' in drawn
    assert 'viewBox="0 0 400.0 1010.0"' in drawn


def test_names_cannot_break_out_of_the_page() -> None:
    name = '"><script>alert(1)</script>'
    shown = Shown(url='x" onload="alert(1)', width=10, height=10, name=name)
    found = matched_points.matched_points(result(verified([[[1, 1], [1, 1]]], 99)), None)
    drawn = matched_points.draw(found, shown, shown)
    assert "&lt;script&gt;" in drawn
    assert "<script>" not in drawn
    assert 'onload="' not in drawn
