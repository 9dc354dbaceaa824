"""The model card, ``README.md`` of a model's folder, from ``model.json`` and the model's scores.

It begins with what Hugging Face reads of a card (https://huggingface.co/docs/hub/model-cards), so
that the folder can be uploaded as it is. Of what an earlier version's ``model.json`` does not
tell, the card does not speak.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline import manifest, model_folder
from pipeline.exporting.classical_account import classical_account
from pipeline.exporting.import_account import import_account, local_features_account
from pipeline.exporting.training_account import settings_of, training_account
from pipeline.markdown import count, score, table

CARD = "README.md"
_NOTE = (
    "<!-- Written by pipeline.export and pipeline.evaluate, which write it anew: keep your own "
    "notes elsewhere. -->"
)
_SIGNATURES = (
    ("`serving_default`", "`image_bytes` string [batch]: JPEG, PNG, BMP, GIF or WebP of any size"),
    ("`pixels`", "`images` uint8 [batch, height, width, 3], RGB"),
    ("`kaggle`", "`input_image` uint8 [height, width, 3], RGB"),
)
_REGION = (
    "`region`",
    (
        "`image_bytes` as above; `box` float32 [batch, 4]: left, top, right and bottom of the part "
        "to describe, as shares of the upright photograph's width and height, 0 to 1"
    ),
)


def write_card(folder: Path) -> Path:
    """Writes the card of an exported model, with the scores that it has by now.

    Returns:
        The card.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If its ``model.json`` or a result is damaged.
    """
    described = model_folder.read_model_file(folder)
    results = _results(folder / model_folder.METRICS, described.get("fingerprint"))
    is_classical = model_folder.is_classical(folder)
    parts = [
        _front_matter(described, results),
        _NOTE,
        f"# {folder.resolve().name}",
        *_use(described),
        *classical_account(described),
        *(() if is_classical else (*local_features_account(described), *_network(described))),
        *training_account(described),
        *import_account(described),
        *_scores(results),
        *_licence(described),
        *_limits(described, results),
    ]
    text = "\n\n".join(parts) + "\n"
    card = folder / CARD
    manifest.write_atomically(card, lambda part: part.write_text(text, encoding="utf-8"))
    return card


def _results(folder: Path, fingerprint: str | None) -> dict[str, Any]:
    """Scores by the name of their index; those of an earlier export are left out."""
    found = {
        path.stem: manifest.read_json(path, "python -m pipeline.evaluate")
        for path in sorted(folder.glob("*.json"))
    }
    return {
        name: result
        for name, result in found.items()
        if result.get("index", {}).get("model_fingerprint") == fingerprint
    }


def _front_matter(described: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """YAML, whose values may be written as JSON."""
    tags = ["image-retrieval", "landmark-retrieval", "tensorflow", "saved-model"]
    content = {
        "library_name": "tensorflow",
        "pipeline_tag": "image-feature-extraction",
        "tags": [*tags, *filter(None, [settings_of(described).get("backbone")])],
        "license": "other",
        "license_name": "see-the-section-licence",
        **({"metrics": _score_names(results)} if results else {}),
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    return "\n".join(["---", *lines, "---"])


def _use(described: Mapping[str, Any]) -> Iterable[str]:
    dimension = described.get("dimension")
    if described.get("kind") not in ("deep", "delg") or dimension is None:
        return
    yield (
        f"Describes a photograph of a landmark by {dimension:,} numbers of unit length.\n"
        "Photographs of one landmark have similar descriptions: the higher the dot product of two, "
        "the\nmore alike."
    )
    yield "## Use"
    yield f"""```python
import tensorflow as tf

model = tf.saved_model.load("saved_model")  # from the folder of this page
photograph = tf.io.read_file("photograph.jpg")
outputs = model.signatures["serving_default"](image_bytes=photograph[None])
print(outputs["global_descriptor"].shape)  # (1, {dimension})
```"""
    yield (
        "It needs TensorFlow and nothing else: decoding, EXIF orientation, resizing and all that "
        "is done to\na description are inside. Every signature gives `global_descriptor`, float32 "
        "of unit length."
    )
    regions = (_REGION,) if described.get("has_regions") else ()
    yield table(("signature", "in"), (*_SIGNATURES, *regions))


def _network(described: Mapping[str, Any]) -> Iterable[str]:
    settings = settings_of(described)
    size = described.get("input_size")
    projection = settings.get("projection")
    scales = [f"{scale:.5g}" for scale in described.get("scales") or ()]
    longest = described.get("longest_side")
    flip = ", the mirror image too" if described.get("flip") else ""
    aspect = (
        "or as many in the photograph's own aspect ratio, in steps of 32"
        if described.get("keep_aspect")
        else "the aspect ratio not kept"
    )
    joined = described.get("aggregation", {}).get("kind", "")
    whitening = described.get("whitening") or {}
    rows = {
        "backbone": settings.get("backbone"),
        "pooling": settings.get("pooling"),
        "projection": projection and ("none" if projection == "none" else "linear"),
        "parameters": count(described.get("parameters")),
        "input": size and f"{size} x {size} pixels, RGB, {aspect}",
        "scales": ", ".join(scales) + (flip if scales else ""),
        "joined by": joined if len(scales) > 1 or flip else "",
        "whitening": whitening and f"{whitening.get('kind')}, strength {whitening.get('strength')}",
        "sides": longest and f"at most {longest:,} pixels, RGB, the aspect ratio kept",
        "description": f"float32, {count(described.get('dimension'))} numbers",
        "made with": ", ".join(
            f"{name} {version}" for name, version in described.get("versions", {}).items()
        ),
        "fingerprint": described.get("fingerprint"),
    }
    yield "## Network"
    yield table(("", ""), [(name, str(value)) for name, value in rows.items() if value])


def _scores(results: Mapping[str, Any]) -> Iterable[str]:
    yield "## Scores"
    if not results:
        yield "None yet: `python -m pipeline.evaluate` adds them."
        return
    names = _score_names(results)
    facts = ("queries", "landmarks", "photographs", "distractors")
    rows = [
        (
            index,
            *(score(result.get("scores", {}).get(name)) for name in names),
            *(count(result.get(fact)) for fact in facts),
        )
        for index, result in results.items()
    ]
    yield table(("index", *names, *facts), rows)
    protocols = sorted({result["protocol"] for result in results.values() if "protocol" in result})
    yield from (f"Protocol: {protocol}." for protocol in protocols)
    commands = [result["command"] for result in results.values() if "command" in result]
    yield "\n".join(["```sh", *commands, "```"])


def _score_names(results: Mapping[str, Any]) -> list[str]:
    names = [name for result in results.values() for name in result.get("scores", {})]
    return list(dict.fromkeys(names))


def _licence(described: Mapping[str, Any]) -> Iterable[str]:
    yield "## Licence"
    yield (
        "The code is under Apache-2.0. The weights derive from what they were learned from, named "
        "above;\nthis card grants no licence for them. See to it that the licences of those "
        "photographs, and of the\nweights that the training started from, allow what you do."
    )
    if settings_of(described).get("weights") == "imagenet":
        yield (
            "The terms of access to ImageNet's photographs are for non-commercial research and "
            "education\n(https://www.image-net.org/download.php)."
        )


def _limits(described: Mapping[str, Any], results: Mapping[str, Any]) -> Iterable[str]:
    seen = {name: result.get("queries_trained_on") for name, result in results.items()}
    tested = "It was tested on the photographs above only." if results else "It was not tested."
    learned = [
        f"{count(number)} of the {count(results[name].get('queries'))} queries of {name} are "
        "photographs that it learned from: that score says nothing about landmarks it has not seen."
        for name, number in seen.items()
        if number
    ]
    yield "## Limits"
    yield "\n".join(
        f"- {limit}"
        for limit in (
            f"{tested} Landmarks unlike those it learned from are found less well.",
            *learned,
            "It was not made for faces or other images of people, nor tested on them.",
            "A similarity is no probability; from which on two match, your own photographs tell.",
        )
    )
