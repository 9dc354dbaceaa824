"""What building an index prints: how well it searches, why that one, how sure answers are."""

from pathlib import Path
from typing import Any

from pipeline.index.advisor import Candidate, Wanted
from pipeline.recognition import votes

PLOT = "advice.png"  # in the index's folder, where kinds were compared


def report(folder: Path, described: dict[str, Any], least_recall: float) -> str:
    """Lines of text about an index.

    Args:
        folder: Of the index.
        described: Its manifest.
        least_recall: The recall@10 against exact search that was asked for.
    """
    name = next(name for name in described if name.startswith("recall@"))
    recall = described[name]
    said = _advice(folder, described["advice"]) if "advice" in described else []
    said.append(
        f"{folder}: {described['photographs']} photographs, {described['engine']}; "
        f"{name.split('_')[0]} against exact {recall:.3f}, "
        f"{described['milliseconds_per_query']:.2f} ms a query, {described['bytes'] / 1e6:.1f} MB"
    )
    if recall < least_recall:
        said.append(f"Below the recall of {least_recall} asked for: {described['explanation']}.")
    said.append(_recognition(described["recognition"]))
    return "\n".join(said)


def _advice(folder: Path, advice: dict[str, Any]) -> list[str]:
    """What was measured, and why compressed kinds miss what was asked for."""
    said = [advice["table"]]
    wanted = Wanted(**advice["wanted"])
    said += [
        f"{one['kind']}: {one['explanation']}."
        for one in advice["candidates"]
        if one["recall"] < wanted.recall
    ]
    if advice["sample"] < advice["chosen"]["photographs"]:
        said.append(
            f"Measured on {advice['sample']} photographs; times, sizes and seconds are estimated "
            "from them."
        )
    if not Candidate(**advice["chosen"]).fits(wanted):
        said.append(
            "With all photographs the chosen index takes more memory or time than was allowed."
        )
    return [*said, f"Plot: {folder / PLOT}"]


def _recognition(recognition: dict[str, Any] | None) -> str:
    if recognition is None:
        return f"Not calibrated: {votes.NOT_CALIBRATED}."
    account = recognition["account"]
    precision = account["measured_precision"]
    return (
        f"Recognition, measured with {account['queries']} photographs of {account['landmarks']} "
        f"landmarks on halves of them: {account['answered']:.0%} answered rightly and with "
        f"confidence, {account['answered_wrongly']:.0%} where the landmark is not there; "
        f"{'nothing' if precision is None else f'{precision:.2f}'} of such answers right, "
        f"{account['precision']:.2f} wanted; probabilities of results are off by "
        f"{account['pairs']['error']:.3f}, of answers by {account['winners']['error']:.3f}"
    )
