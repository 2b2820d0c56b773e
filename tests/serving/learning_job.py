"""In place of :mod:`text_recognizer.hand.job` in tests: quick, and does what the name says."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

from text_recognizer.hand.job import STOPPED, stop_file
from text_recognizer.hand.store import hands_folder, save_hand

model, name = sys.argv[1:]
written = json.loads(sys.stdin.readline())
print(json.dumps({"phase": "learning", "done": 0.5, "seconds_left": 9}), flush=True)
if name == "bad":
    print(json.dumps({"error": "It cannot be learned."}), flush=True)
    sys.exit(1)
if name == "broken":
    sys.exit("something the log should hold")
if name == "killed":
    os.kill(os.getpid(), 9)
while name == "slow" and not (hands_folder() / "go on").exists():
    if stop_file().exists():
        print(json.dumps({"error": STOPPED}), flush=True)
        sys.exit(1)
    if select.select([0], [], [], 0.05)[0] and not os.read(0, 1):
        sys.exit(1)
save_hand(name, Path(model).read_bytes())
print(json.dumps({"before": 0.2, "after": 0.05}), flush=True)
