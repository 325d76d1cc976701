"""What keeps a mesh from starting."""


class UpError(Exception):
    """The mesh cannot be started; the text says in one line why and what to do."""
