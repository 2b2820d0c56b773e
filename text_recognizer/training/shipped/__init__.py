"""Makes what ships besides the reader: the finder of lines, and the character model of English."""
