"""The reader behind HTTP: an API, its documentation, and a page to write on. Needs no PyTorch."""
