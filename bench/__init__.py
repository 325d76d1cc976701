"""Benchmarks: what the mesh takes, and beside it the floors that it stands on.

`python -m bench` runs all of them, `python -m bench.start_run` one. A floor is
the plainest program that does the same with the same parts and none of ours.
"""
