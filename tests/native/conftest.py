"""What the C sources are compiled for in tests."""

from __future__ import annotations

import pytest

from tinylm.native.targets import Target, host_target


@pytest.fixture(scope="session")
def own_target() -> Target:
    """This machine's target; where there is none, nothing can be compiled and the test is skipped."""
    target = host_target()
    if target is None:
        pytest.skip("tinylm has no target for this machine")
    return target
