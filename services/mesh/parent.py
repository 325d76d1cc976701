"""How a process learns that the one that started it is gone.

`adjutant up` gives each service the reading end of a pipe of which it alone
holds the other end, and names it in `ADJUTANT_PARENT_FD`. However up ends,
the kernel closes that end, and the service reads the end of the pipe.
It works alike on Linux and macOS, SIGKILL included.
"""

import asyncio
import os
from collections.abc import Callable

PARENT_FD_VARIABLE = "ADJUTANT_PARENT_FD"
"""The environment variable that names the inherited reading end, a file descriptor number."""


def watch_parent(on_parent_gone: Callable[[], object]) -> None:
    """Call `on_parent_gone` once, in the running event loop, when the parent is gone.

    Does nothing where there is no parent to watch. The variable is taken out
    of the environment, because the descriptor means nothing to our own children.
    Raises ValueError where the variable holds no number.
    """
    value = os.environ.pop(PARENT_FD_VARIABLE, None)
    if value is None:
        return
    descriptor = int(value)
    os.set_inheritable(descriptor, False)
    os.set_blocking(descriptor, False)
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if os.read(descriptor, 1):
            return
        loop.remove_reader(descriptor)
        os.close(descriptor)
        on_parent_gone()

    loop.add_reader(descriptor, readable)
