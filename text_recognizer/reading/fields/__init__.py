"""What is known in advance of a field, and readings that keep to it."""
