"""An environment that has TensorFlow and what it requires, and nothing else."""

import importlib.metadata
import subprocess
import sys
import sysconfig
from pathlib import Path

from packaging.requirements import Requirement


def make_clean_environment(folder: Path) -> Path:
    """Makes it out of what is installed here, by links.

    Returns:
        Its Python. Call it with ``-I``, which hides the working folder and ``PYTHONPATH``.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    for name in sorted(required_by("tensorflow")):
        _link(importlib.metadata.distribution(name), Path(paths["purelib"]))
    return Path(paths["scripts"]) / "python"


def required_by(name: str) -> set[str]:
    """A distribution and all that it requires, and those require, on this machine."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def _link(distribution: importlib.metadata.Distribution, site_packages: Path) -> None:
    """Links its packages, one by one where several distributions share a folder (``google``)."""
    for file in distribution.files or ():
        if file.parts[0] == ".." or file.suffix == ".pth":
            continue
        top = Path(file.parts[0])
        whole = Path(str(distribution.locate_file(top)))
        shared = whole.is_dir() and top.suffix == "" and not (whole / "__init__.py").is_file()
        part = Path(*file.parts[:2]) if shared else top
        link = site_packages / part
        if not link.is_symlink():
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(str(distribution.locate_file(part)))
