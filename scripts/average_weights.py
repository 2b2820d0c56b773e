"""Average the weights of a run with those that it started from, so that it forgets less of what these were taught.

``python scripts/average_weights.py RUN WEIGHTS.safetensors 0.75 OUT`` writes ``OUT/best.ckpt``, of which
``text-recognizer export OUT`` makes a reader; 0.75 is the share of the run (Wortsman et al., "Robust fine-tuning of
zero-shot models", 2022).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from text_recognizer.training.weights import load_weights


def main(run: str, weights: str, share: str, out: str) -> None:
    """Write the checkpoint of the run with averaged weights."""
    content = torch.load(Path(run) / "best.ckpt", map_location="cpu", weights_only=True)
    _, before = load_weights(weights)
    for name, value in content["state_dict"].items():
        if value.is_floating_point():
            value.lerp_(before[name.removeprefix("model.")], 1 - float(share))
    Path(out).mkdir(parents=True)
    torch.save(content, Path(out) / "best.ckpt")


if __name__ == "__main__":
    main(*sys.argv[1:])
