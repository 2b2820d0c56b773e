"""Run the notebooks from top to bottom and save them with their pictures: ``make run-notebooks``.

    python scripts/run_notebooks.py [FOLDER]    saves them into FOLDER, by default where they are

What is saved holds no timestamps and nothing of the machine.
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parents[1] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TIMEOUT = 600  # seconds for a cell
PNG = "image/png"
COLORS = 64


def smaller(png: str) -> str:
    """A picture, in base 64, with a palette of ``COLORS``: nearly all of it is grey."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    image.quantize(COLORS).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def run(path: Path) -> nbformat.NotebookNode:
    """A notebook, executed in its folder.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=TIMEOUT, resources=resources, record_timing=False, coalesce_streams=True).execute()
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if PNG in output.get("data", {}):
            output.data[PNG] = smaller(output.data[PNG])
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for path in sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(run(path), out / path.name)
        print(f"{out / path.name}: {(out / path.name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
