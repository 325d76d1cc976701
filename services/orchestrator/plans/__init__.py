"""Plans: what they are, how they are written, and what can be told of them before they run."""
