from pipeline.data.recorded_once import RecordedOnce


def test_a_photograph_of_a_later_split_gives_way_as_it_does_locally() -> None:
    once = RecordedOnce()
    told = [
        once.superfluous(split=split, name=name, id=id_, sha256=content * 64, label=0)
        for split, name, id_, content in (
            ("query", "first", "a", "0"),
            ("query", "same bytes, own id", "b", "0"),
            ("query", "same id, other bytes", "a", "1"),
            ("train", "bytes of the query", "c", "0"),
            ("train", "bytes that were not recorded", "d", "1"),
        )
    ]
    assert told == ["", "", "another photograph has its id, a", "the same bytes as first", ""]
