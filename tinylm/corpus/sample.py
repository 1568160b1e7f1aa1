"""The built-in corpus: graded-reader English and Spanish, 3 MB, so that training works offline.

    for document in read(): ...

It is a constant, in a file of this package: a JSON object a line, `language` and `text`, and `"split": "val"` where a
document holds combinations of words that training must not see. `scripts/make_sample_corpus` generates it.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterator
from importlib import resources

from tinylm.base.errors import TinylmError
from tinylm.text.documents import Document

FILE = "sample.jsonl.xz"
SHA256 = "5228c4eb9ce208e5354e39665eed1bfad363234a995bf9109e4fd47d03f0524c"


def read() -> Iterator[Document]:
    """The documents, both languages in turn; TinylmError when the file is not the one that belongs to this code."""
    file = resources.files("tinylm.corpus") / FILE
    hint = "install tinylm again, or in a checkout run `git checkout` on the file"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise TinylmError(f"cannot read the sample corpus `{file}`: {error.strerror}", hint) from error
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise TinylmError(f"the sample corpus `{file}` is damaged: SHA-256 {found[:12]}, not {SHA256[:12]}", hint)
    for line in lzma.decompress(data).splitlines():
        yield Document(source="sample", **json.loads(line))
