import pytest

from pipeline.data.downloads import GoogleLandmarks, Kaggle, parse_download


@pytest.mark.parametrize(
    ("text", "split", "tars"),
    [
        ("gldv2:index:0-9", "index", tuple(range(10))),
        ("gldv2:test:3", "test", (3,)),
        ("gldv2:train:17,0-2,1", "train", (0, 1, 2, 17)),
        ("gldv2:train", "train", tuple(range(500))),
        ("gldv2:test", "test", tuple(range(20))),
    ],
)
def test_tars_of_a_split_are_named_by_number_range_or_all(
    text: str, split: str, tars: tuple[int, ...]
) -> None:
    assert parse_download(text) == GoogleLandmarks(split=split, tars=tars)


@pytest.mark.parametrize(
    "handle",
    ["owner/data-set_2", "owner/dataset/versions/3", "competitions/landmark-recognition-2021"],
)
def test_kaggle_is_named_by_handle(handle: str) -> None:
    assert parse_download(f"kaggle:{handle}") == Kaggle(handles=(handle,))


def test_the_triplets_are_nine_data_sets() -> None:
    requested = parse_download("kaggle:triplets")
    assert isinstance(requested, Kaggle)
    assert len(set(requested.handles)) == 9
    assert requested.handles[1].endswith("google-landmarks-2020-triplet-loss-tfrecords-pt2")
    assert requested.handles[8].endswith("google-landmarks-2020-tripley-loss-tfrecords-pt9")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "--download is gldv2:SPLIT"),
        ("gldv3:train", "--download is gldv2:SPLIT"),
        ("kaggle:dataset", "--download is gldv2:SPLIT"),
        ("kaggle:owner/dataset/9", "--download is gldv2:SPLIT"),
        ("gldv2:validation", "is of train, index, test"),
        ("gldv2", "is of train, index, test"),
        ("gldv2:test:", "numbers and ranges"),
        ("gldv2:test:1,,2", "numbers and ranges"),
        ("gldv2:test:-1", "numbers and ranges"),
        ("gldv2:test:1-20", "tars of test are 0 to 19.*Received: 1-20"),
        ("gldv2:test:9-0", "from the lower to the higher.*Received: 9-0"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_forms_that_can(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_download(text)
