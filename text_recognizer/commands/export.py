"""``text-recognizer export``: a training run becomes a file."""

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
from text_recognizer.training.graphs.write import verify_scores, write_scores
from text_recognizer.training.weights import save_weights


def export(run: str, *, out: str = "model.onnx", calibration_lines: int = 0) -> None:
    """Make a model file from a training run, for ``text-recognizer read --model`` or ``text_recognizer.load``.

    A model of prepared lines becomes a reader. Beside it comes the graph without weights (.graph.onnx), into which
    those of a learned hand are put. Any other model becomes a file that ``text_recognizer.load`` takes. Beside both
    come the weights for going on training (.safetensors).

    Args:
        run: Folder of the run, or a checkpoint in it.
        out: The ONNX file to write.
        calibration_lines: Calibrate the confidences of a reader on this number of validation lines of the run's data.
            Use 1,000 or more; 0 leaves the confidences as they are.

    Raises:
        UsageError: If ``out`` is not named as an ONNX file, the number of lines is negative, or the model is no reader
            whose confidences could be fitted.
        UserError: If the run does not exist, or the file does not read as the original does.
    """
    if Path(out).suffix.lower() != ".onnx":
        raise UsageError(f"--out is {out!r}, but must end in .onnx.")
    check_at_least(0, calibration_lines=calibration_lines)
    path = Path(run)
    checkpoint = Checkpoint.load(str(path / "best.ckpt" if path.is_dir() else path))
    stride = stride_of(checkpoint)
    if stride is not None:
        _export_reader(checkpoint, stride, path if path.is_dir() else path.parent, out, calibration_lines)
    elif calibration_lines:
        raise UsageError("--calibration_lines is for readers of prepared lines, but " + _what_it_reads(checkpoint))
    else:
        _export_scores(checkpoint, out)
    save_weights(Path(out).with_suffix(".safetensors"), checkpoint)
    print(f"{out}: {Path(out).stat().st_size / 1e6:.1f} MB, probabilities within {TOLERANCE} of the original's.")
    if stride is None:
        print(f"For text_recognizer.load. `text-recognizer read` does not take it: {_what_it_reads(checkpoint)}")


def _export_reader(checkpoint: Checkpoint, stride: int, run: Path, out: str, calibration_lines: int) -> None:
    metadata = Metadata(tuple(checkpoint.description.alphabet), stride, preparation=preparation_of(checkpoint))
    model = checkpoint.model()
    with replacing(out) as temporary, replacing(graph_of(Path(out))) as graph:
        write_model(model, checkpoint.description, metadata, temporary)
        verify(model, LineModel(temporary), metadata.stride)
        if calibration_lines:
            lines, texts = validation_lines(run / "config.yaml", calibration_lines)
            metadata = calibrated(metadata, temporary, lines, texts)
            write_model(model, checkpoint.description, metadata, temporary)
        write_graph(model, checkpoint.description, metadata, graph)


def _export_scores(checkpoint: Checkpoint, out: str) -> None:
    with replacing(out) as temporary:
        write_scores(checkpoint, temporary)
        verify_scores(checkpoint, temporary)


def _what_it_reads(checkpoint: Checkpoint) -> str:
    description = checkpoint.description
    return (
        f"this is a {description.model_class} for pictures of {description.model_args['input_shape'][1]} rows. A "
        "reader is a LineReader trained on PaperLines, or on EMNISTLines with --prepared."
    )
