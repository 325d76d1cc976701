"""Other systems that do the same work, to be measured in the same run.

Each is installed into a folder of its own under `build/peers`, and runs as processes of its own:
nothing of theirs is in our requirements, and nothing here imports them. What cannot be
installed or started is reported as absent, with the reason.
"""
