"""`python -m tinylm` is the `tinylm` command.

Written so that every Python back to 2.7 can read it and say that it is too old.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "error: this is Python %d.%d; tinylm needs Python 3.11 or newer\n\n"  # noqa: UP031
        "hint: run it with a newer one: python3.11 -m tinylm\n" % sys.version_info[:2]
    )
    sys.exit(2)

from tinylm.cli import main

if __name__ == "__main__":
    main()
