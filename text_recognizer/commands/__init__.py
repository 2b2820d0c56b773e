"""One file a command; its function's signature is its flags."""
