"""The lab's entry point: the same as ``text-recognizer train``."""

import sys

from text_recognizer.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
