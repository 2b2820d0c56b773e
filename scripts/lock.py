"""Resolve the newest versions of what the project needs and write requirements.lock: ``make lock``.

torch stays at the version that the lock file names; edit that line first to move it. On Linux call it with
``PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu``, or the CUDA packages of PyPI's torch are listed too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
HEADER = "# Versions resolved once; installed with pip's -c. `make lock` writes this file."
PINNED = "torch"


def resolve(*requirements: str) -> list[dict[str, Any]]:
    """Names and versions of all packages that pip would install into an empty environment, which it leaves alone."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--disable-pip-version-check", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, *requirements], cwd=ROOT, check=True)
        packages = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [package["metadata"] for package in packages if "dir_info" not in package["download_info"]]


def lines(packages: list[dict[str, Any]]) -> list[str]:
    """``name==version`` in alphabetical order, names normalised (PEP 503), without local versions like ``+cpu``."""
    names = {re.sub(r"[-_.]+", "-", package["name"]).lower(): package["version"] for package in packages}
    return [f"{name}=={version.partition('+')[0]}" for name, version in sorted(names.items())]


def pinned(lock: str) -> str:
    """The line of a lock file that names the version of ``PINNED``."""
    return next(line for line in lock.splitlines() if line.startswith(f"{PINNED}=="))


def main() -> None:
    requirements = (".[train,dev,notebooks,wandb,docs,cluster,ocrmypdf]", pinned(LOCK.read_text(encoding="utf-8")))
    text = "\n".join([HEADER, *lines(resolve(*requirements))]) + "\n"
    temporary = LOCK.with_name(f"{LOCK.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(LOCK)
    print(f"{LOCK.name}: {text.count('==')} packages")


if __name__ == "__main__":
    main()
