"""``text-recognizer export``: a training run becomes a reader."""

from __future__ import annotations

from pathlib import Path

from text_recognizer.errors import UsageError, check_at_least
from text_recognizer.files import replacing
from text_recognizer.reading.model_file import LineModel, Metadata, graph_of
from text_recognizer.training.checkpoint import Checkpoint
from text_recognizer.training.export import (
    TOLERANCE,
    calibrated,
    preparation_of,
    stride_of,
    validation_lines,
    verify,
    write_graph,
    write_model,
)
from text_recognizer.training.weights import save_weights


def export(run: str, *, out: str = "model.onnx", calibration_lines: int = 0) -> None:
    """Make a model file for ``text-recognizer read --model`` of a training run.

    Beside it come the weights for going on training (.safetensors) and the graph without weights (.graph.onnx), into
    which those of a learned hand are put.

    Args:
        run: Folder of the run, or a checkpoint in it.
        out: The ONNX file to write.
        calibration_lines: Fit the confidences to so many validation lines of the run's data, 1,000 or more to be of
            use; with 0 they stay as the network gives them.

    Raises:
        UsageError: If ``out`` is not named as an ONNX file, or the number of lines is negative.
        UserError: If the run does not exist, was not trained on prepared lines, or the file does not read as the
            original does.
    """
    if Path(out).suffix.lower() != ".onnx":
        raise UsageError(f"--out is {out!r}, but must end in .onnx.")
    check_at_least(0, calibration_lines=calibration_lines)
    path = Path(run)
    checkpoint = Checkpoint.load(str(path / "best.ckpt" if path.is_dir() else path))
    alphabet, stride = tuple(checkpoint.description.alphabet), stride_of(checkpoint)
    metadata = Metadata(alphabet, stride, preparation=preparation_of(checkpoint))
    model = checkpoint.model()
    with replacing(out) as temporary, replacing(graph_of(Path(out))) as graph:
        write_model(model, checkpoint.description, metadata, temporary)
        verify(model, LineModel(temporary), metadata.stride)
        if calibration_lines:
            folder = path if path.is_dir() else path.parent
            lines, texts = validation_lines(folder / "config.yaml", calibration_lines)
            metadata = calibrated(metadata, temporary, lines, texts)
            write_model(model, checkpoint.description, metadata, temporary)
        write_graph(model, checkpoint.description, metadata, graph)
    save_weights(Path(out).with_suffix(".safetensors"), checkpoint)
    print(f"{out}: {Path(out).stat().st_size / 1e6:.1f} MB, probabilities within {TOLERANCE} of the original's.")
