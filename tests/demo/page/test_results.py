import csv
import dataclasses
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from demo.asking.query import Found
from demo.catalogue import Method
from demo.page import details, downloads, results
from demo.page.answer_card import answer
from demo.page.asked import Asked
from pipeline.answer import Answer, Recognition, Result
from pipeline.step_times import Step
from pipeline.stored_photograph import StoredPhotograph

METHOD = Method(
    name="mine/mine-flat", collection="mine", model="mine", kind="flat", photographs=9, built=0.0,
    folder=Path("secret/folder"),
)  # fmt: skip
ASKED = Asked(method=METHOD.name, token="token")
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>${alert(3)}{{alert}}"


def result(rank: int = 1, landmark: str = "Tower", **changes: object) -> Result:
    told: dict[str, object] = {
        "id": f"id{rank}", "label": 0, "landmark": landmark, "title": f"{rank}.jpg", "author": "",
        "license": "", "url": "", "date": "", "content": "", "shard": "secret/shard", "offset": 0,
    }  # fmt: skip
    probability = changes.pop("probability", None)
    photograph = StoredPhotograph(**{**told, **changes})  # type: ignore[arg-type]
    return Result(
        rank=rank,
        similarity=1 - rank / 100,
        probability=probability,  # type: ignore[arg-type]
        photograph=photograph,
    )


def found(*shown: Result, recognition: Recognition | None = None) -> Found:
    steps = (Step(name="description", milliseconds=30.0), Step(name="search", milliseconds=0.4))
    answer = Answer(results=list(shown), recognition=recognition)
    return Found(answer=answer, steps=steps, method=METHOD)


class Reader(HTMLParser):
    """Texts, and the tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def read(html: str) -> Reader:
    return Reader(html)


def test_what_data_hold_stays_text() -> None:
    one = result(
        landmark=HOSTILE, author=HOSTILE, license=HOSTILE, title=HOSTILE, id=HOSTILE, url=HOSTILE
    )
    recognition = Recognition(landmark=HOSTILE, probability=0.9, is_confident=True)
    for html in (
        results.shown(found(one, recognition=recognition), ASKED, 30)["html"],
        details.facts(
            details.Opened(
                key=1, asked=ASKED, id=HOSTILE, rank=1, similarity=1.0, probability=None,
                inliers=None,
            ),
            one.photograph,
            np.zeros((4, 4, 3), np.uint8),
            np.zeros((4, 4, 3), np.uint8),
        ),
        results.problem(HOSTILE)["html"],
    ):  # fmt: skip
        page = read(html)
        assert not [tag for tag, _ in page.tags if tag == "script"]
        assert not [name for _, told in page.tags for name in told if name.startswith("on")]
        assert not [told for tag, told in page.tags if tag == "img" and told["src"] == "x"]
        assert HOSTILE in page.text


def test_only_addresses_of_the_web_become_links() -> None:
    for url, is_link in (
        ("https://example.org/?a=1&b=2", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("", False),
    ):
        links = [told for tag, told in read(results.credit(result(url=url))).tags if tag == "a"]
        assert len(links) == is_link
        if is_link:
            assert links[0]["href"] == url
            assert links[0]["rel"] == "noopener noreferrer nofollow"


def test_author_and_licence_stand_with_a_result() -> None:
    credited = read(results.credit(result(author="Ada", license="CC BY 4.0", url="https://e.org")))
    assert credited.text == "© Ada · CC BY 4.0 ·  source"
    assert read(results.credit(result(license="CC0"))).text == "© author unknown · CC0"
    assert results.credit(result()) == ""


def test_the_answer_says_how_sure_it_is_or_that_it_is_not() -> None:
    def said(**told: object) -> str:
        recognition = Recognition(**told)  # type: ignore[arg-type]
        return read(answer(found(result(), recognition=recognition), "")).text

    assert said(landmark="Gate", probability=0.934, is_confident=True) == "This is Gate 93 % sure"
    unsure = said(landmark="Gate", probability=0.41, is_confident=False)
    assert unsure.startswith("No confident match At best Gate, 41 % sure.")
    assert "a landmark without a name" in said(landmark="", probability=0.9, is_confident=True)
    assert "is known" in said(landmark=None, probability=0.0, is_confident=False)
    assert "99 % sure" in said(landmark="Gate", probability=1.0, is_confident=True)


def test_an_uncalibrated_collection_tells_what_the_first_results_agree_on() -> None:
    shown = [result(i, name) for i, name in enumerate(["A", "B", "A", "", "A"], 1)]
    text = read(answer(found(*shown), "")).text
    assert text.startswith("A, perhaps 3 of the first 5 results show it.")
    assert "not calibrated" in text
    # The query itself has no vote: two of the other four show A.
    assert "2 of the first 4" in read(answer(found(*shown), "id1")).text
    for names in (["A", "B", "C"], ["", "", "A"], ["A"], []):
        shown = [result(rank, name) for rank, name in enumerate(names, 1)]
        assert "do not agree" in read(answer(found(*shown), "")).text


def test_a_figure_tells_rank_similarity_and_how_sure_it_is_and_no_path() -> None:
    html = results.gallery([result(2, probability=0.874)], ASKED)
    page = read(html)
    (image,) = [told for tag, told in page.tags if tag == "img"]
    assert image["src"] == "photographs/mine/mine-flat/id2?width=400"
    assert image["alt"] == "Result 2: Tower"
    assert "87 % same landmark" in page.text
    assert "similarity 0.980" in page.text
    assert "secret" not in html
    itself = Asked(method=METHOD.name, photograph="id2")
    own = read(results.gallery([result(2, probability=0.874)], itself)).text
    assert "the query itself" in own
    assert "%" not in own


def test_ids_are_quoted_in_addresses() -> None:
    html = results.gallery([result(id="../a b?c#d/é")], ASKED)
    (image,) = [told for tag, told in read(html).tags if tag == "img"]
    assert image["src"] == "photographs/mine/mine-flat/..%2Fa%20b%3Fc%23d%2F%C3%A9?width=400"


def test_steps_are_told_with_their_share() -> None:
    page = read(results.steps(found(result())))
    assert page.text == "1 result in 30 ms description 30 ms search < 1 ms"
    shares = [told["style"] for tag, told in page.tags if told.get("class") == "share"]
    assert shares == ["width: 99%", "width: 1%"]


def test_times_from_a_second_on_are_told_in_seconds() -> None:
    times = (0.2, 999.4, 999.6, 30_921.0)
    assert [results.duration(one) for one in times] == ["< 1 ms", "999 ms", "1.0 s", "30.9 s"]


def test_a_number_is_rounded_once() -> None:
    """Of .52849, .5285 would be told as .529 when it is rounded again."""
    shown = read(results.gallery([result(probability=0.87496)], ASKED))
    (opener,) = [told for tag, told in shown.tags if tag == "button"]
    assert opener["data-probability"] == "0.87496"
    one = dataclasses.replace(result(), similarity=float(np.float32(0.52849)))
    (opener,) = [told for tag, told in read(results.gallery([one], ASKED)).tags if tag == "button"]
    told = {"key": 1, "link": ASKED.to_link(), "id": "id1", "rank": 1}
    opened = details.opened({**told, "similarity": opener["data-similarity"]})
    assert opened.similarity == one.similarity


def test_of_a_file_the_name_without_suffix_is_told_and_cut_not_broken() -> None:
    for title, name in (
        ("6efd4b67c5bcb6f6.jpg", "6efd4b67c5bcb6f6"),
        ("St. Mary.JPEG", "St. Mary"),
        ("St. Mary", "St. Mary"),
        (".jpg", ".jpg"),
        ("", "id1"),
    ):
        shown = read(results.gallery([result(landmark="", title=title)], ASKED))
        (span,) = [told for _, told in shown.tags if "name" in str(told.get("class")).split()]
        assert (span["class"], span["title"]) == ("name file", name)
        assert name in shown.texts


def test_no_results_are_told_with_what_to_do() -> None:
    filtered = Asked(method=METHOD.name, token="token", landmark="x")
    for asked, said in ((filtered, "filters"), (ASKED, "is empty")):
        shown = results.shown(found(), asked, 30)
        assert said in shown["html"]
        titles = [tag for tag, _ in read(shown["html"]).tags if tag == "h2"]
        assert len(titles) == 1, "nothing else is said of the landmark"
        assert shown["link"] == asked.to_link()


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    shown = found(result(1, '=HYPERLINK("https://e.org")', author="Ada, B.\nC"), result(2))
    first, second = csv.DictReader(io.StringIO(downloads.as_csv(shown)))
    assert first["landmark"] == '\'=HYPERLINK("https://e.org")'
    assert first["author"] == "Ada, B.\nC"
    assert (second["rank"], second["similarity"], second["probability"]) == ("2", "0.98", "")


def test_json_holds_the_answer_and_all_results_but_no_path() -> None:
    recognition = Recognition(landmark="Tower", probability=0.9, is_confident=True)
    text = downloads.as_json(found(result(1), result(2), recognition=recognition))
    told = json.loads(text)
    assert told["recognition"] == {"landmark": "Tower", "probability": 0.9, "is_confident": True}
    assert told["milliseconds"] == {"description": 30.0, "search": 0.4}
    assert [one["id"] for one in told["results"]] == ["id1", "id2"]
    assert "secret" not in text
