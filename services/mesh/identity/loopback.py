"""Which hosts are this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine and nothing else can reach or answer for it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
