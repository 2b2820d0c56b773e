"""Characters and texts become lines."""
