"""The answer and the results, as HTML; every text of the data is escaped where it is put in."""

from collections.abc import Sequence
from typing import Any

from demo import texts
from demo.asking.query import Found
from demo.page import addresses, downloads, names
from demo.page.answer_card import answer, percent
from demo.page.asked import Asked
from pipeline.answer import Result
from pipeline.reports.elements import Html, element, joined

_LIKELY = 0.5
_SECOND = 1000  # milliseconds
_LAZY_FROM = 12  # the first are seen at once


def shown(found: Found, asked: Asked, minutes: float) -> dict[str, Any]:
    """What the results' component shows, and hands over as files and as a link.

    Args:
        found: What was found.
        asked: What for.
        minutes: An upload is kept for.
    """
    told = [
        answer(found, asked.photograph),
        _bar(found, asked, minutes),
        gallery(found.answer.results, asked),
    ]
    return {
        "html": joined(told) if found.answer.results else nothing(asked),
        "link": asked.to_link(),
        "csv": downloads.as_csv(found),
        "json": downloads.as_json(found),
    }


def waiting() -> dict[str, Any]:
    """Before the first search: what to do."""
    steps = [element("li", step) for step in texts.Results.EMPTY_STEPS]
    html = element(
        "div", element("h2", texts.Results.EMPTY), element("ol", *steps), class_="state waiting"
    )
    return told(html)


def problem(text: str) -> dict[str, Any]:
    """What went wrong, and what to do."""
    return told(state(texts.Results.FAILED, text, class_="state problem", role="alert"))


def told(html: Html, link: str = "") -> dict[str, Any]:
    """What the component shows where there are no files to hand over."""
    return {"html": html, "link": link, "csv": "", "json": ""}


def state(title: str, text: str, **attributes: str) -> Html:
    """A card that stands where results would."""
    return element("div", element("h2", title), element("p", text), **attributes)


def _bar(found: Found, asked: Asked, minutes: float) -> Html:
    words = texts.Results
    buttons = [
        copy_button(asked, minutes),
        _action("csv", words.CSV),
        _action("json", words.JSON),
    ]
    return element(
        "div", steps(found), element("div", *buttons, class_="buttons"), class_="results-bar"
    )


def copy_button(asked: Asked, minutes: float) -> Html:
    """A button that copies the link of a search.

    Args:
        asked: What it restores.
        minutes: An upload is kept for.
    """
    words = texts.Results
    title = words.COPY_UPLOAD.format(minutes=minutes) if asked.token else words.COPY_TITLE
    return _action("copy", words.COPY, title)


def _action(action: str, text: str, title: str = "") -> Html:
    attributes = {"title": title} if title else {}
    return element(
        "button", text, type="button", data_do=action, class_="button small", **attributes
    )


def steps(found: Found) -> Html:
    """How many results in what time, unfolding to what each step took."""
    words = texts.Results
    total = sum(step.milliseconds for step in found.steps)
    count = len(found.answer.results)
    text = words.COUNT_OF_ONE if count == 1 else words.COUNT
    summary = text.format(count=count, time=duration(total))
    rows = [
        element(
            "li",
            element("span", words.STEP.get(step.name, step.name)),
            element("span", duration(step.milliseconds)),
            element(
                "div",
                style=f"width: {100 * step.milliseconds / max(total, 1e-9):.0f}%",
                class_="share",
                aria_hidden="true",
            ),
        )
        for step in found.steps
    ]
    return element(
        "details",
        element("summary", summary, title=words.STEPS),
        element("ul", *rows, aria_label=words.STEPS),
        class_="steps",
    )


def gallery(results: Sequence[Result], asked: Asked, mark: frozenset[str] = frozenset()) -> Html:
    """Results as figures.

    Args:
        results: Best first.
        asked: What was asked for.
        mark: Ids of those that another method has not found.
    """
    items = [element("li", _figure(result, asked, mark)) for result in results]
    return element(
        "ol",
        *items,
        class_="gallery",
        aria_label=texts.Results.NAME,
        data_link=asked.to_link(),
    )


def _figure(result: Result, asked: Asked, mark: frozenset[str]) -> Html:
    words, found = texts.Results, result.photograph
    name = name_of(result, asked)
    image = element(
        "img",
        src=addresses.photograph(asked.method, found.id, addresses.THUMBNAIL),
        alt=words.PICTURE.format(rank=result.rank, name=name),
        loading="lazy" if result.rank > _LAZY_FROM else "eager",
        decoding="async",
    )
    opener = element(
        "button",
        image,
        element("span", str(result.rank), class_="rank", aria_hidden="true"),
        type="button",
        class_="opener",
        aria_label=words.OPEN.format(rank=result.rank, name=name),
        data_id=found.id,
        data_rank=str(result.rank),
        data_similarity=str(float(result.similarity)),  # rounded where it is shown alone
        **_told_of_result(result),
    )
    only = element("span", texts.Compare.ONLY, class_="only") if found.id in mark else Html()
    caption = element(
        "figcaption",
        _name(name, result),
        element("span", *_numbers(result, asked), only, class_="numbers"),
        credit(result),
    )
    return element("figure", opener, caption)


def _name(name: str, result: Result) -> Html:
    """Of a figure; that of a file has no words to break it between and is cut instead."""
    if result.photograph.landmark:
        return element("span", name, class_="name")
    return element("span", name, class_="name file", title=name)


def _told_of_result(result: Result) -> dict[str, str]:
    told = {}
    if result.probability is not None:
        told["data_probability"] = str(float(result.probability))
    if result.verification is not None:
        told["data_inliers"] = str(result.verification.inliers)
    return told


def _numbers(result: Result, asked: Asked) -> list[Html]:
    words = texts.Results
    numbers = []
    if result.probability is not None and not is_itself(result, asked):
        sure = words.PROBABILITY.format(percent=percent(result.probability))
        likely = "likely" if result.probability >= _LIKELY else "unlikely"
        numbers.append(element("span", sure, class_=likely))
    if result.verification is not None and result.verification.is_certain:
        matches = words.MATCHES.format(count=result.verification.inliers)
        numbers.append(element("span", matches, class_="verified"))
    similarity = words.SIMILARITY.format(value=f"{result.similarity:.3f}")
    return [*numbers, element("span", similarity)]


def credit(result: Result) -> Html:
    """Whom the photograph is by, its licence and where it is from; nothing where unknown."""
    found, words = result.photograph, texts.Results
    link = addresses.web_link(found.url)
    if not (found.author or found.license or link):
        return Html()
    by = " · ".join(
        text for text in (f"© {found.author or words.UNKNOWN_AUTHOR}", found.license) if text
    )
    parts: list[str] = [by]
    if link:
        parts += [" · ", outward(link, words.SOURCE)]
    return element("span", *parts, class_="credit")


def outward(link: str, text: str) -> Html:
    """A link to another site, which is told nothing of this one."""
    return element("a", text, href=link, target="_blank", rel="noopener noreferrer nofollow")


def name_of(result: Result, asked: Asked) -> str:
    """What a result is called."""
    if is_itself(result, asked):
        return texts.Results.ITSELF
    return names.name_of(result.photograph)


def is_itself(result: Result, asked: Asked) -> bool:
    """Whether a result is the photograph that asks."""
    return bool(asked.photograph) and result.photograph.id == asked.photograph


def duration(milliseconds: float) -> str:
    """A time as one says it: in seconds from one on, else in milliseconds."""
    words = texts.Results
    if round(milliseconds) >= _SECOND:
        return words.SECONDS.format(seconds=milliseconds / _SECOND)
    whole = f"{milliseconds:.0f}" if milliseconds >= 1 else "< 1"
    return words.MILLISECONDS.format(milliseconds=whole)


def nothing(asked: Asked) -> Html:
    """What stands where nothing was found, and what to do."""
    words = texts.Results
    if asked.conditions:
        return state(words.NONE, words.NONE_HELP, class_="state")
    return state(words.NOTHING, words.NOTHING_HELP, class_="state")
