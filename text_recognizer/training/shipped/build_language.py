"""Make the character model of English that ships with the package, from plain text files.

``python -m text_recognizer.training.shipped.build_language --text FILE [FILE ...]``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from text_recognizer.data.text.sources import without_gutenberg_licence
from text_recognizer.errors import UserError
from text_recognizer.files import read_text, replacing
from text_recognizer.reading.language import ENGLISH
from text_recognizer.reading.ngrams import build_language_model


def main() -> int:
    """Build the model from the files named on the command line."""
    parser = argparse.ArgumentParser(description="Make the character model of English.")
    parser.add_argument("--text", nargs="+", required=True, type=Path, help="Plain text files (UTF-8).")
    parser.add_argument("--output", type=Path, default=ENGLISH)
    arguments = parser.parse_args()
    try:
        text = "\n".join(without_gutenberg_licence(read_text(path)) for path in arguments.text)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    with replacing(arguments.output) as temporary:
        build_language_model(text).save(temporary)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
