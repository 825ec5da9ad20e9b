"""`python -m backburner.ui` is the program `backburner`."""

import sys

from .start import main

sys.exit(main())
