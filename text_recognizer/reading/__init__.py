"""Picture to text: preparation, the network by ONNX Runtime, decoding, confidence. Needs no PyTorch."""
