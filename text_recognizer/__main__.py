"""``python -m text_recognizer``: the command ``text-recognizer``."""

import sys

from text_recognizer.cli import main

sys.exit(main())
