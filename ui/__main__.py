"""`python -m backburner.ui` is the program `backburner`."""

import sys

from .program.start import main

sys.exit(main())
