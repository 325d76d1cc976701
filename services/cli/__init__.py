"""`adjutant …` on the command line, built on the client alone."""
