"""Imports run one way, models <- pipeline <- demo, as the import statements themselves show."""

import ast
import importlib
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
STAGES = {
    f"pipeline.{name}"
    for name in (
        *("build_records", "check_records", "reshard", "sample", "train", "export", "embed"),
        *("extract", "learn_words", "train_local", "build_index", "update_index"),
        *("search", "evaluate", "evaluate_recognition", "evaluate_triplets", "report"),
    )
}
# Stages in a row, which import them.
RECIPES = {"pipeline.quickstart", "pipeline.compare"}
ABOVE = {"models": ("pipeline", "demo"), "pipeline": ("demo",)}
# What only some may import: by module, the prefixes of those allowed to.
CONFINED = {
    "absl.flags": ("pipeline.command_line",),
    "faiss": ("pipeline.index", "pipeline.words.vocabulary"),
    "gradio": ("demo",),
    "pymilvus": ("pipeline.index",),
    "milvus_lite": ("pipeline.index",),
}


def imported_modules(source: str) -> set[str]:
    """Every module that a source imports, anywhere in it; ``from a import b`` gives a.b too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.update({module}, {f"{module}.{alias.name}" for alias in node.names})
    return found


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def violations(module: str, source: str) -> set[str]:
    """What of a module's imports the rule forbids."""
    above = ABOVE.get(module.partition(".")[0], ())
    return {
        imported
        for imported in imported_modules(source)
        if imported.startswith(".")
        or any(is_within(imported, package) for package in above)
        or (module in STAGES and imported in STAGES - {module})
        or any(
            is_within(imported, confined) and not any(is_within(module, a) for a in allowed)
            for confined, allowed in CONFINED.items()
        )
    }


def modules() -> dict[str, Path]:
    """Every module of the product by name."""
    files = [f for name in ("models", "pipeline", "demo") for f in (CHECKOUT / name).rglob("*.py")]
    return {
        ".".join(file.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in sorted(files)
    }


def test_all_imports_run_one_way() -> None:
    found = {name: violations(name, file.read_text("utf-8")) for name, file in modules().items()}
    assert {"models.pooling", "pipeline.train", "demo"} <= set(found)  # they were read
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_stage_is_listed() -> None:
    """A module of the pipeline that has a command line; those inside packages have none."""
    runs = {
        name
        for name, file in modules().items()
        if name.startswith("pipeline.") and "\n    command_line.run(" in file.read_text("utf-8")
    }
    assert runs == STAGES | RECIPES


@pytest.mark.parametrize(
    ("module", "source", "forbidden"),
    [
        ("models.pooling", "import pipeline.manifest", {"pipeline.manifest"}),
        ("models.pooling", "def f():\n    import demo.app", {"demo.app"}),
        ("pipeline.embed", "from demo import app", {"demo", "demo.app"}),
        ("pipeline.export", "from pipeline import manifest, train", {"pipeline.train"}),
        ("pipeline.export", "from pipeline.train import Settings", {"pipeline.train"}),
        ("pipeline.train", "from absl import app, flags", {"absl.flags"}),
        ("pipeline.engine", "import faiss", {"faiss"}),
        ("demo.app", "import faiss.contrib", {"faiss.contrib"}),
        ("pipeline.indexes", "import faiss", {"faiss"}),
        ("pipeline.mosaic", "import gradio as gr", {"gradio"}),
        ("pipeline.data.inputs", "from . import records", {".", "..records"}),
    ],
)
def test_an_import_that_breaks_the_rule_is_found(
    module: str, source: str, forbidden: set[str]
) -> None:
    assert violations(module, source) == forbidden


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pipeline.train", "from models import siamese\nfrom pipeline import manifest"),
        ("pipeline.quickstart", "from pipeline import build_records, train, export"),
        ("pipeline.command_line", "from absl import flags"),
        ("pipeline.index.faiss_index", "import faiss"),
        ("demo.app", "import gradio\nfrom pipeline import engine"),
        ("pipeline.training.training_log", "import demonstration, faissless"),
    ],
)
def test_an_import_that_keeps_the_rule_passes(module: str, source: str) -> None:
    assert violations(module, source) == set()


@pytest.mark.filterwarnings("ignore:pkg_resources is deprecated:UserWarning")
def test_tensorflow_hub_imports_with_the_setuptools_that_setup_pins() -> None:
    """Version 0.16.1 needs pkg_resources, which setuptools 82 no longer brings."""
    assert importlib.import_module("tensorflow_hub").load


def test_setup_lists_every_package() -> None:
    text = (CHECKOUT / "setup.py").read_text()
    listed = set(re.findall(r'^ {8}"((?:models|pipeline|demo)[\w.]*)",$', text, flags=re.MULTILINE))
    there = {
        ".".join(path.parent.relative_to(CHECKOUT).parts)
        for top in ("models", "pipeline", "demo")
        for path in (CHECKOUT / top).rglob("__init__.py")
    }
    assert listed == there
