"""`python -m services.up`."""

import sys

from services.up.main import main

sys.exit(main())
