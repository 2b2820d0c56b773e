"""Labelled lines: pictures of writing and what they say, in the forms in which people keep them."""
