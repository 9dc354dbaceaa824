import dataclasses

import pytest

from demo.page.asked import Asked, from_link
from demo.refusals import Refused
from pipeline.index.filters import Condition

EVERYTHING = Asked(
    token="a-b_c",
    photograph="x/y z",
    source="other/other-flat",
    box=(1, 20, 300, 4000),
    method="mine/mine-flat",
    against="mine/mine-lsh",
    k=100,
    expand=True,
    diffuse=True,
    reciprocal=True,
    refine=True,
    keep_first=True,
    verify="sift",
    landmark="Pont du Gard & Co",
    author="Ødegård",
    licence="CC",
    since="2015",
    until="2016",
    where="title~a=b\nlicense=CC0|CC BY 4.0",
)


def test_a_link_restores_everything_that_was_asked() -> None:
    assert from_link(EVERYTHING.to_link()) == EVERYTHING
    assert from_link(f"?{EVERYTHING.to_link()}") == EVERYTHING
    defaults = {field.default for field in dataclasses.fields(Asked)}
    assert not {getattr(EVERYTHING, field.name) for field in dataclasses.fields(Asked)} & defaults


def test_a_link_leaves_out_what_is_as_it_would_be_anyway() -> None:
    assert Asked(method="mine/mine-flat").to_link() == "method=mine%2Fmine-flat"
    assert from_link("") == Asked()


def test_what_a_link_should_not_hold_is_passed_over_or_refused() -> None:
    assert from_link("utm_source=mail&__theme=dark&k=3") == Asked(k=3)
    for link, said in (
        ("k=many", "k takes whole numbers"),
        ("k=0", "1 to 100"),
        ("k=101", "1 to 100"),
        ("box=1,2,3", "four whole numbers"),
        ("box=1,2,3,x", "whole number"),
        ("where=" + "a" * 9000, "at most"),
    ):
        with pytest.raises(Refused, match=said):
            from_link(link)


def test_the_photograph_box_names_an_upload_or_one_of_a_collection() -> None:
    asked = Asked(method="mine/mine-flat", token="old", box=(0, 0, 1, 1))
    upload = asked.with_chosen({"token": "new", "width": 8, "height": 8, "box": [1, 2, 3, 4]})
    assert (upload.token, upload.photograph, upload.box) == ("new", "", (1, 2, 3, 4))
    own = asked.with_chosen({"method": "mine/mine-flat", "id": "7", "box": None})
    assert (own.token, own.photograph, own.of, own.box) == ("", "7", "mine/mine-flat", None)
    foreign = asked.with_chosen({"method": "other/other-flat", "id": "7"})
    assert foreign.of == "other/other-flat"
    assert asked.with_chosen(None).token == ""


def test_fields_become_conditions_and_bars_in_them_stay_letters() -> None:
    asked = Asked(landmark="a|b", licence=" cc ", since="2015", where="\nlabel>=0\n")
    assert asked.conditions == (
        Condition("landmark", "~", ("a|b",)),
        Condition("license", "~", ("cc",)),
        Condition("date", ">=", ("2015",)),
        Condition("label", ">=", ("0",)),
    )
    with pytest.raises(Refused, match="A condition is a column"):
        _ = Asked(where="nonsense").conditions


def test_the_best_is_kept_first_only_where_something_moves_it() -> None:
    """``RankingSettings`` refuses the switch on its own."""
    assert not Asked(keep_first=True, expand=True).ranking.keep_first
    assert Asked(keep_first=True, diffuse=True).ranking.steps == ("diffuse20", "keep_first")
    assert Asked().ranking.steps == ()
