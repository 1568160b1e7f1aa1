"""A bundle's files checked, and what tells it from any other: `NAME-VERSION-HASH SHA256-OF-MANIFEST` on stdout.

    python3 -m tinylm.bundle.identity BUNDLE

`scripts/deploy.sh` runs it on both sides of a copy. It needs nothing but the standard library.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tinylm.base.errors import TinylmError, show_error
from tinylm.bundle.reading import Bundle, open_bundle


def identity(bundle: Bundle) -> str:
    """A name for a release of this bundle, fit for a folder."""
    name = re.sub("[^A-Za-z0-9._-]+", "-", f"{bundle.manifest.name}-{bundle.manifest.version}").lstrip("-.")[:80]
    return f"{name}-{bundle.manifest_sha256[:12]}"


if __name__ == "__main__":
    try:
        opened = open_bundle(Path(sys.argv[1]), strict=True)
    except TinylmError as error:
        show_error(error)
        sys.exit(error.exit_code)
    print(identity(opened), opened.manifest_sha256)
