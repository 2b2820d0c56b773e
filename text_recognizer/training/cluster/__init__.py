"""A training on a cluster of Ray, which goes on when a process or a machine is lost."""
