"""Reading by the million: names as a stream in, one row per picture out, whatever ends the run on the way."""
