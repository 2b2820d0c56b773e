"""How well readers read lines of known text, how sure that is, and which of two reads better."""
