"""Trained models of every kind as ONNX files, and back."""
