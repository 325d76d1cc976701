"""Tasks and their steps: what they are, what changes them, what their runs come to."""
