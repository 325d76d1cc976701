"""What many tests stand on: a whole mesh, in this process or as processes."""
