"""Runs a keeper: `python -I -S run_keeper.py ...`; see `keeper/`.

Python compiles a script each time it is run, which took longer than all other work of a
keeper before its host; compiled modules are cached.
"""

import os
import sys

if __name__ == "__main__":
    # `-I` ignores this variable.
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    # Last, so that no module here replaces one of Python.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    main = __import__("keeper.main", fromlist=["main"]).main
    sys.exit(main(sys.argv[1:]))
