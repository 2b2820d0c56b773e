"""One file per model. All take keyword arguments only and can be built in one line."""

from text_recognizer.models.cnn import CNN
from text_recognizer.models.line_cnn import LineCNN
from text_recognizer.models.line_cnn_lstm import LineCNNLSTM
from text_recognizer.models.line_cnn_simple import LineCNNSimple
from text_recognizer.models.line_reader import LineReader
from text_recognizer.models.line_reshape_cnn import LineReshapeCNN
from text_recognizer.models.mlp import MLP

__all__ = ["CNN", "MLP", "LineCNN", "LineCNNLSTM", "LineCNNSimple", "LineReader", "LineReshapeCNN"]
