"""`adjutant up` over doubles of the services.

`python -m tests.doubles.up [NAME=MODE…] -- ARGUMENTS`
"""

import sys

from services.up.main import main

cut = sys.argv.index("--")
commands = {
    name: (sys.executable, "-m", "tests.doubles.service", name, mode)
    for name, _, mode in (entry.partition("=") for entry in sys.argv[1:cut])
}
sys.exit(main(sys.argv[cut + 1 :], commands))
