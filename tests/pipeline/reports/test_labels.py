import itertools

from pipeline.reports.labels import Labelled, Room, spread

PAPER = Room(left=0, top=0, right=100, bottom=100)


def test_labels_cover_neither_points_nor_one_another_and_stay_inside() -> None:
    points = [Labelled(x=50 + 9 * (n % 3), y=50 + 9 * (n // 3), text=str(n)) for n in range(9)]
    placed = spread(points, PAPER)
    rooms = [room for _, room in placed]
    assert len(placed) > 4
    for one, other in itertools.combinations(rooms, 2):
        assert not one.meets(other)
    for room in rooms:
        assert PAPER.holds(room)
        assert not any(room.meets(point.mark) for point in points)


def test_what_matters_most_has_the_best_place_and_what_finds_none_is_left_out() -> None:
    same = [Labelled(x=50, y=50, text=str(number)) for number in range(12)]
    placed = spread(same, PAPER)
    assert [text for text, _ in placed] == [str(number) for number in range(len(placed))]
    assert len(placed) < 12
    # A mark reaches 4 units from its middle; a letter is 7 wide and 11 high.
    assert placed[0][1] == Room(left=39, top=35, right=46, bottom=46)


def test_a_label_at_the_rim_stands_on_the_other_side() -> None:
    ((_, room),) = spread([Labelled(x=5, y=5, text="1")], PAPER)
    assert (room.left, room.top) == (9, 9)


def test_what_is_to_be_left_free_is() -> None:
    above = Room(left=0, top=0, right=100, bottom=46)
    ((_, room),) = spread([Labelled(x=50, y=50, text="1")], PAPER, [above])
    assert room.top >= 46
