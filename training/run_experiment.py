"""The lab's entry point: the same as ``text-recognizer train``."""

import sys

try:
    from text_recognizer.commands.train import main
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed here. Call: make setup, then: source .venv/bin/activate")

if __name__ == "__main__":
    sys.exit(main())
