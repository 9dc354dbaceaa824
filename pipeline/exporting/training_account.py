"""What a model card tells of what the model learned from, as ``model.json`` has it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.markdown import count, score, table


def settings_of(described: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a model's training; none where ``model.json`` does not tell them.

    Of a local head they are those of what it was put on.
    """
    return _whole(described).get("settings", {})


def _whole(described: Mapping[str, Any]) -> dict[str, Any]:
    """The training of what describes a photograph as a whole."""
    training = described.get("training") or {}
    return training.get("beneath", training)


def training_account(described: Mapping[str, Any]) -> Iterator[str]:
    """The paragraphs of the section.

    Args:
        described: What ``model.json`` says of a model.
    """
    training = _whole(described)
    settings = settings_of(described)
    if not training:
        return
    yield "## Training data"
    yield f"The backbone starts {_start(settings.get('weights'))}."
    licenses = described.get("licenses", {})
    if _has_learned(settings):
        yield _learned_from(training, settings)
        yield from _licence_counts(licenses.get("training"))
    else:
        yield "It was not trained (`--epochs=0`)."
    yield from _local_head(described)
    whitening = described.get("whitening")
    if whitening:
        yield (
            f"The whitening was learned from {count(whitening.get('photographs'))} photographs of "
            f"{_folders(whitening.get('files', ()))}."
        )
        yield from _licence_counts(licenses.get("whitening"))
    yield "`model.json` holds all settings, and a SHA-256 of every record file."


def _local_head(described: Mapping[str, Any]) -> Iterator[str]:
    training = described["training"]
    if "beneath" not in training:
        return
    data, settings = training["data"], training["settings"]
    yield (
        f"The local head learned from {count(data.get('records'))} photographs of "
        f"{count(data.get('landmarks'))} landmarks of {_folders(data.get('files', ()))}, "
        f"{'and the whole network with it' if settings['jointly'] else 'the rest as it was'}."
        f"{_kept(training, settings)}"
    )
    yield from _licence_counts(described.get("licenses", {}).get("local head"))


def _start(weights: str | None) -> str:
    if weights == "none":
        return "at random"
    if weights == "imagenet":
        return "from the ImageNet weights that come with Keras"
    return f"from the file `{Path(weights).name}`" if weights else "from weights unknown"


def _has_learned(settings: Mapping[str, Any]) -> bool:
    """Whether photographs have decided any weight; a projection may start as their whitening."""
    whitened = settings.get("projection") == "whitened" and settings.get("weights") != "none"
    return bool(settings.get("epochs", 1)) or whitened


def _learned_from(training: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    data = training.get("data", {})
    is_labelled = settings.get("triplets") is None
    examples, landmarks = (
        ("photographs", "landmarks") if is_labelled else ("triplets", "pseudo-landmarks")
    )
    told = (
        f"It learned from {count(data.get('records'))} {examples} of "
        f"{count(data.get('landmarks'))} {landmarks} of {_folders(data.get('files', ()))}"
    )
    if not settings.get("epochs", 1):
        return f"{told}, to whiten its projection and no more (`--epochs=0`)."
    return f"{told}, with the loss `{settings.get('loss')}`.{_kept(training, settings)}"


def _kept(training: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Which epoch was kept: that of the best held-out mAP, epoch 0 being the start, or the last."""
    epochs, best = training.get("epochs", []), training.get("best_epoch", -1)
    if not 0 <= best < len(epochs):
        return ""
    held_out = epochs[best].get("held-out mAP")
    told = "" if held_out is None else f", whose held-out mAP is {score(held_out)}"
    number = epochs[best].get("epoch", best)
    before = "" if number else ": as it was before it learned"
    return f" Kept is epoch {number} of {settings.get('epochs')}{told}{before}."


def _licence_counts(counts: Mapping[str, int] | None) -> Iterator[str]:
    if not counts:
        yield "Which licences those photographs are under was not counted."
    elif set(counts) == {""}:
        yield "The records state no licence of those photographs."
    else:
        rows = [(name or "not stated", count(number)) for name, number in counts.items()]
        yield table(("licence stated in the records", "photographs"), rows)


def _folders(files: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted({Path(file).parent.name for file in files}))
