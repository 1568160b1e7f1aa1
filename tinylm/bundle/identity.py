"""What tells a bundle from any other: `NAME-VERSION-HASH`, fit for a folder."""

from __future__ import annotations

import re

from tinylm.bundle.reading import Bundle


def identity(bundle: Bundle) -> str:
    """A name for a release of this bundle, fit for a folder."""
    name = re.sub("[^A-Za-z0-9._-]+", "-", f"{bundle.manifest.name}-{bundle.manifest.version}").lstrip("-.")[:80]
    return f"{name}-{bundle.manifest_sha256[:12]}"
