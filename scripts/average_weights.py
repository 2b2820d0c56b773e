"""Average the weights of a run with those that it started from, so that it forgets less of what these were taught.

``python scripts/average_weights.py RUN WEIGHTS.safetensors 0.75 OUT`` writes ``OUT/best.ckpt``, of which
``text-recognizer export OUT`` makes a reader; 0.75 is the share of the run (Wortsman et al., "Robust fine-tuning of
zero-shot models", 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from text_recognizer.files import replacing
from text_recognizer.training.weights import average, load_weights


def write_average(run: Path, weights: Path, share: float, out: Path) -> None:
    """Write the checkpoint of the run with averaged weights."""
    content = torch.load(run / "best.ckpt", map_location="cpu", weights_only=True)
    before = {f"model.{name}": value for name, value in load_weights(weights)[1].items()}
    content["state_dict"] = average(content["state_dict"], before, 1 - share)
    out.mkdir(parents=True)
    with replacing(out / "best.ckpt") as temporary:
        torch.save(content, temporary)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("weights", type=Path, help="the .safetensors file that the run started from")
    parser.add_argument("share", type=float, help="of the run, from 0 to 1")
    parser.add_argument("out", type=Path, help="new folder for the checkpoint")
    write_average(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
