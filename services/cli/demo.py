"""A demo is to come."""


def main() -> int:
    """Fail."""
    return 1
