"""Runs a keeper: `python -I -S run_keeper.py ...`; see `keeper/`.

Python compiles a script each time it is run, which took longer than all else that a
keeper does before its host; it finds what it has compiled of a module.
"""

import os
import sys

if __name__ == "__main__":
    # It is ignored with `-I`.
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    # Behind those of Python, none of which is to be found here.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    main = __import__("keeper.main", fromlist=["main"]).main
    sys.exit(main(sys.argv[1:]))
