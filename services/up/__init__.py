"""`adjutant up`: the composition root, which runs a whole mesh on one machine."""
