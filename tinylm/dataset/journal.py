"""Which parts of which streams are encoded already, so that a killed encoding goes on where it was.

`journal.json` lists the finished parts in the order of writing; it is replaced as a whole after a part's data are on
the disk, and removed once the index stands.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.base.records import check_schema, read
from tinylm.dataset.shards import DOCUMENT, Part, Source, token_dtype

JOURNAL = "journal.json"
SCHEMA = "1.0"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One finished part."""

    stream: str
    text_sha256: str
    """Of the pieces that it was made of."""
    new_sources: tuple[Source, ...]
    """Sources that no earlier part has."""
    part: Part


@dataclass(frozen=True, kw_only=True)
class Journal:
    """What the encoding depends on beside the text, and what is done."""

    schema: str = SCHEMA
    vocab_size: int
    tokenizer_sha256: str
    entries: tuple[Entry, ...] = ()


def read_entries(folder: Path, journal: Journal) -> tuple[Entry, ...]:
    """The finished parts of an earlier call whose data are still there.

    A journal that cannot be read, or of another tokenizer than `journal`, says nothing: all is encoded again.
    """
    try:
        data = json.loads((folder / JOURNAL).read_bytes())
        check_schema(data, major=1, where=JOURNAL)
        found = read(Journal, data, JOURNAL)
    except (OSError, ValueError, TinylmError):
        return ()
    if (found.vocab_size, found.tokenizer_sha256) != (journal.vocab_size, journal.tokenizer_sha256):
        return ()
    width = np.dtype(token_dtype(found.vocab_size)).itemsize
    needed: Counter[Path] = Counter()
    for count, entry in enumerate(found.entries):
        needed[folder / f"{entry.stream}.bin"] += entry.part.tokens * width
        needed[folder / f"{entry.stream}.documents"] += entry.part.documents * DOCUMENT.itemsize
        if any(not path.is_file() or path.stat().st_size < size for path, size in needed.items()):
            return found.entries[:count]
    return found.entries


def write_journal(folder: Path, journal: Journal) -> None:
    """Replace the folder's journal."""
    write_atomic(folder / JOURNAL, (json.dumps(asdict(journal), ensure_ascii=False) + "\n").encode())


def remove_journal(folder: Path) -> None:
    """The index has taken over."""
    (folder / JOURNAL).unlink(missing_ok=True)
