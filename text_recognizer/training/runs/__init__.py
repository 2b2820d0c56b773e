"""What a long run needs: going on by itself, and a line a minute of what it costs."""
