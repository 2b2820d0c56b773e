"""One file a command of ``text-recognizer hand``."""
