"""`python -m backburner.ui` is the program `backburner`."""

import sys

from .app import main

sys.exit(main())
