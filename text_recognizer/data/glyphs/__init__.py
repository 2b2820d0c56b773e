"""Where characters come from."""
