"""Which text has words between its spaces."""

from __future__ import annotations

import pytest

from tinylm.text.writing_systems import unspaced_characters


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The king and the queen.", 0),
        ("Grüße, señor; здравствуйте, العربية, हिन्दी, 한국어 낱말", 0),
        ("从前有一座山。", 6),
        ("吾輩は猫である。", 7),
        ("ภาษาไทย", 7),
        ("ພາສາລາວ ខ្មែរ မြန်မာ བོད", 7 + 5 + 6 + 3),
        ("iPhone 很好", 2),
        ("", 0),
    ],
)
def test_characters_of_scripts_without_spaces(text: str, count: int) -> None:
    assert unspaced_characters(text) == count
