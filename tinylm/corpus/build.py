"""From sources to the corpus files of a dataset: read, normalise, clean, split, count, write.

    statistics = build_corpus(["sample", "en:novels", "notes.jsonl.xz"], folder)
    for piece in read_pieces(folder / "train.jsonl"): ...

`train.jsonl` and `val.jsonl` have one `Piece` on each line; `corpus.json`, written last, says what they came from and
what they hold. Nothing is written before all of it is known to be good.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tinylm import records
from tinylm.corpus import files, gutenberg, sample
from tinylm.corpus.cleaning import CLEANING, clean
from tinylm.corpus.documents import Document, Piece
from tinylm.corpus.splitting import split
from tinylm.corpus.statistics import CorpusStatistics, Dropped, measure
from tinylm.errors import TinylmError
from tinylm.files import write_atomic
from tinylm.tokenizer import NORMALISATION, normalise

SCHEMA = "1.0"

_AGAIN = "build it again: `tinylm train-pipeline --force`"

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
"""What `normalise` removes; \\r and U+0085 become line ends there."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a built corpus."""

    name: str
    """`sample`, `gutenberg`, or prefix and last component of a path."""
    sha256: str
    """Its `fingerprint`."""
    bytes: int
    """UTF-8 bytes of its documents as they came, before normalisation."""


@dataclass(frozen=True, slots=True)
class CorpusRecord:
    """The file `corpus.json`."""

    schema: str
    sources: tuple[Source, ...]
    statistics: CorpusStatistics


def build_corpus(
    sources: Sequence[str],
    folder: Path,
    *,
    seed: int = 0,
    planned: Sequence[dict[str, str]] | None = None,
    progress: Callable[[str], None] | None = None,
) -> CorpusStatistics:
    """Build the corpus of `sources` in `folder`: each is `sample`, `gutenberg` or `[LANGUAGE:]PATH`.

    `seed` varies the sample corpus only; `planned` is the `fingerprint` under which the corpus will be known, when that
    was taken before; `progress` is told a line per source and download. TinylmError for a source
    that is unusable or changes meanwhile, and for too little text, with `folder` as it was, and when `folder` cannot be
    written.
    """
    if not sources:
        raise TinylmError("no corpus was named", "name `sample`, `gutenberg` or a path, such as `--corpus es:novels`")
    planned = fingerprint(sources, seed) if planned is None else planned
    dropped = Dropped()
    documents: list[Document] = []
    bytes_read = []
    for source in sources:
        before = len(documents)
        total = 0
        for document in _read(source, seed=seed, dropped=dropped, progress=progress):
            total += len(document.text.encode("utf-8", "surrogatepass"))
            documents.append(_cleaned(document, dropped))
        bytes_read.append(total)
        if progress:
            count = len(documents) - before
            progress(f"read {_name(source)}: {count:,} document{'' if count == 1 else 's'}, {total:,} bytes")
    _refuse_changed(sources, planned, seed)
    train, val = split(documents, dropped=dropped)
    statistics = measure(train, val, dropped=dropped)
    listed = [Source(entry["name"], entry["sha256"], size) for entry, size in zip(planned, bytes_read, strict=True)]
    record = CorpusRecord(SCHEMA, tuple(listed), statistics)
    try:
        (folder / "corpus.json").unlink(missing_ok=True)  # what it says is no longer true once a file is replaced
    except OSError as error:
        raise TinylmError(f"cannot write in `{folder}`: {error.strerror}", "name a folder of your own") from error
    write_atomic(folder / "train.jsonl", _lines(train))
    write_atomic(folder / "val.jsonl", _lines(val))
    write_atomic(folder / "corpus.json", (json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n").encode())
    return statistics


def fingerprint(sources: Sequence[str], seed: int) -> list[dict[str, str]]:
    """The `name` and `sha256` of each source, in order, without building anything.

    The hash changes with the content of files (not with where they lie), the books' texts (which are downloaded when
    they are not there), the sample's text for this seed, and what normalisation and cleaning do. TinylmError when a
    path cannot be read or a book cannot be had.
    """
    entries = []
    for source in sources:
        if source == "sample":
            content = _sample_fingerprint(seed)
        else:
            content = gutenberg.fingerprint() if source == "gutenberg" else files.fingerprint(source)
        made = hashlib.sha256(f"{NORMALISATION} {CLEANING} {content}".encode())
        entries.append({"name": _name(source), "sha256": made.hexdigest()})
    return entries


def read_pieces(path: Path) -> Iterator[Piece]:
    """The pieces of a `train.jsonl` or `val.jsonl`, in order; TinylmError names the file and line of anything odd."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield _piece(line, f"`{path}`, line {number}")
    except OSError as error:
        raise TinylmError(f"cannot read the corpus file `{path}`: {error.strerror}", _AGAIN) from error


def read_record(path: Path) -> CorpusRecord:
    """The `corpus.json` at `path`; TinylmError for anything that `build_corpus` does not write."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TinylmError(f"cannot read `{path}`: {error}", _AGAIN) from error
    records.check_schema(data, major=1, where=f"`{path}`")
    return records.read(CorpusRecord, data, f"`{path}`")


def _refuse_changed(sources: Sequence[str], planned: Sequence[dict[str, str]], seed: int) -> None:
    """TinylmError when a source is not any more what it was: what was read may be neither the old text nor the new."""
    for source, entry in zip(sources, planned, strict=True):
        if source != "sample" and fingerprint([source], seed) != [entry]:  # what is generated here cannot change
            raise TinylmError(
                f"`{entry['name']}` changed while it was being read",
                "run the same command again when nothing writes to it, or name a copy of it",
            )


def _read(source: str, *, seed: int, dropped: Dropped, progress: Callable[[str], None] | None) -> Iterable[Document]:
    if source == "sample":
        return sample.generate(seed)
    return gutenberg.read(progress=progress) if source == "gutenberg" else files.read(source, dropped=dropped)


def _name(source: str) -> str:
    return source if source in ("sample", "gutenberg") else files.display_name(source)


def _sample_fingerprint(seed: int) -> str:
    """Of the generated text itself: no version number that somebody forgets to raise."""
    digest = hashlib.sha256()
    for document in sample.generate(seed):
        digest.update(json.dumps(asdict(document)).encode())
    return digest.hexdigest()


def _cleaned(document: Document, dropped: Dropped) -> Document:
    """The document after its one normalisation and cleaning, with what that removed counted."""
    normal = normalise(document.text)
    dropped.control_characters += len(_CONTROLS.findall(document.text))
    dropped.replacement_characters += normal.count("\ufffd")
    return replace(document, text=clean(normal))


def _lines(pieces: Iterable[Piece]) -> bytes:
    return "".join(json.dumps(asdict(piece), ensure_ascii=False) + "\n" for piece in pieces).encode()


def _piece(line: bytes, where: str) -> Piece:
    if not line.endswith(b"\n"):
        raise TinylmError(f"{where} breaks off", _AGAIN)
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TinylmError(f"{where} is not JSON: {error}", _AGAIN) from error
    return records.read(Piece, data, where)
