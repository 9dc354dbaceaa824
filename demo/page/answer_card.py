"""Which landmark a photograph shows, as it is said above the results."""

from collections import Counter
from collections.abc import Sequence

from demo import texts
from demo.asking.query import Found
from pipeline.answer import Result
from pipeline.recognition.votes import NOT_CALIBRATED
from pipeline.reports.elements import Html, element, joined

_VOTERS = 5
_AGREE = 2  # of them at least


def answer(found: Found, query_id: str) -> Html:
    """Which landmark the query shows, how sure that is, or that it is not known."""
    recognition = found.answer.recognition
    if recognition is None:
        return _agreed(found.answer.results, query_id)
    words = texts.Answer
    if recognition.landmark is None:
        return _answer_card(words.NO_MATCH, words.UNKNOWN)
    name = recognition.landmark or words.NAMELESS
    sure = percent(recognition.probability)
    if not recognition.is_confident:
        return _answer_card(words.NO_MATCH, words.AT_BEST.format(name=name, percent=sure))
    return _answer_card(
        name,
        words.SURE.format(percent=sure),
        over=words.CONFIDENT,
        kind="sure",
        meter=recognition.probability,
    )


def _agreed(results: Sequence[Result], query_id: str) -> Html:
    """Without calibration: what most of the first results show, and that this is no proof."""
    words = texts.Answer
    voters = [result for result in results if result.photograph.id != query_id][:_VOTERS]
    votes = Counter(result.photograph.landmark for result in voters)
    landmark, count = votes.most_common(1)[0] if votes else ("", 0)
    why = element(
        "p", words.NOT_CALIBRATED, title=words.NOT_CALIBRATED_TITLE.format(reason=NOT_CALIBRATED)
    )
    if not landmark or count < _AGREE:
        return _answer_card(words.DISAGREE, why)
    told = words.AGREED_BY.format(count=count, voters=len(voters))
    return _answer_card(words.AGREED.format(name=landmark), joined([element("p", told), why]))


def _answer_card(
    title: str, *told: str, over: str = "", kind: str = "unsure", meter: float | None = None
) -> Html:
    parts = [element("p", over, class_="over")] if over else []
    parts.append(element("h2", title))
    if meter is not None:
        width = f"width: {100 * meter:.0f}%"
        parts.append(
            element("div", element("div", style=width), class_="meter", aria_hidden="true")
        )
    parts += [element("div", one, class_="told") for one in told]
    return element("div", *parts, class_=f"answer {kind}")


def percent(share: float) -> str:
    """A probability; neither certainty nor impossibility is ever told."""
    return f"{min(max(round(100 * share), 1), 99)} %"
