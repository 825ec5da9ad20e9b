"""`python -m backburner` is the same as `backburner`."""

from __future__ import annotations

import sys

from backburner.ui.start import main

sys.exit(main())
