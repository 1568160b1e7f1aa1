"""From sources to the corpus files of a dataset: read, normalise, clean, split, count, write; text of any size.

    statistics = build_corpus(["sample", "en:novels", "notes.jsonl.xz"], folder)

The files are those of `tinylm.corpus.corpus_files`, `corpus.json` last. Nothing is written before all of it is known to
be good.

Until then the cleaned text lies in `building/`, in parts of a few MB that all cores work on
(`tinylm.corpus.building.parts`). After a kill the parts that are there are not cleaned again, as long as `plan.json`
says the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic, writing
from tinylm.base.numerals import counted
from tinylm.base.progress import ProgressBar, track
from tinylm.base.records import write_file
from tinylm.corpus import gutenberg, sample
from tinylm.corpus.building.parallel import Workers
from tinylm.corpus.building.parts import SIDES, clean_part, load_figures, render_part
from tinylm.corpus.building.splitting import SPLITTING, plan_split
from tinylm.corpus.cleaning.cleaning import CLEANING
from tinylm.corpus.cleaning.sections import sections
from tinylm.corpus.corpus_files import SCHEMA, CorpusRecord, SourceRecord, text_hash
from tinylm.corpus.reading import files
from tinylm.corpus.reading.source_names import BUILT_IN, display_name
from tinylm.corpus.statistics import CorpusStatistics, Dropped
from tinylm.text.documents import Document
from tinylm.tokenizer.tokenizer import NORMALISATION

PARTS = "parts-2"
"""Name of what a part holds; it changes when a part of an older tinylm must not be used."""
BUILDING = "building"
PART_CHARACTERS = 2_000_000
"""A part is full when it holds so many, or more if its last section is longer."""
DISK_SHARE = 2.3
"""Bytes on disk that building takes for each byte of text: parts, and then the corpus files beside them."""


Say = Callable[[str], None]


def build_corpus(
    sources: Sequence[str],
    folder: Path,
    *,
    near_duplicates: float | None = None,
    planned: Sequence[dict[str, str]] | None = None,
    progress: Say | None = None,
) -> CorpusStatistics:
    """Build the corpus of `sources` in `folder`: each is `sample`, `gutenberg` or `[LANGUAGE:]PATH`.

    `near_duplicates` is the similarity from which documents are dropped; `planned` is the `fingerprint` under which the
    corpus will be known, when that was taken before; `progress` is told a line per source and download, and every few
    seconds how far the reading is. TinylmError for a source that is
    unusable or changes meanwhile, and for too little text or disk, with `folder` as it was, and when `folder` cannot be
    written.
    """
    if not sources:
        raise TinylmError("no corpus was named", "name `sample`, `gutenberg` or a path, such as `--corpus es:novels`")
    with Workers() as workers:
        planned = fingerprint(sources) if planned is None else planned
        created = not folder.exists()
        try:
            building = _continue(folder / BUILDING, {"sources": list(planned), "near_duplicates": near_duplicates})
            statistics = _build(
                sources, folder, building, workers, near_duplicates=near_duplicates, planned=planned, say=progress
            )
        except TinylmError:
            shutil.rmtree(folder / BUILDING, ignore_errors=True)
            if created:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
    shutil.rmtree(building, ignore_errors=True)
    return statistics


def _build(
    sources: Sequence[str],
    folder: Path,
    building: Path,
    workers: Workers,
    *,
    near_duplicates: float | None,
    planned: Sequence[dict[str, str]],
    say: Say | None,
) -> CorpusStatistics:
    dropped = Dropped()
    with ProgressBar("reading", total=_stored_bytes(sources, building), unit="MB", scale=1e6, say=say) as bar:
        reader = _Reader(building, bar, dropped, signatures=near_duplicates is not None, say=say)
        for _ in workers.map(clean_part, reader.parts(sources, planned)):
            pass
    for part in reader.paths:
        controls, replacements = load_figures(part).removed.tolist()
        dropped.control_characters += controls
        dropped.replacement_characters += replacements
    plan = plan_split(reader.paths, workers, near_duplicate_threshold=near_duplicates, dropped=dropped, say=say)
    try:
        (folder / "corpus.json").unlink(missing_ok=True)  # what it says is no longer true once a file is replaced
    except OSError as error:
        raise TinylmError(f"cannot write in `{folder}`: {error.strerror}", "name a folder of your own") from error
    statistics = CorpusStatistics(dropped=dropped)
    tasks = ((path, part, plan.block_bytes) for path, part in zip(reader.paths, plan.parts, strict=True))
    written = workers.map(render_part, tasks)
    with writing(folder / "train.jsonl") as train, writing(folder / "val.jsonl") as val:
        for lines, counted in track(written, "writing", total=len(reader.paths), unit="parts", say=say):
            for side, file in zip(SIDES, (train, val), strict=True):
                file.write(lines[side])
            statistics.merge(counted)
    listed = tuple(
        SourceRecord(entry["name"], entry["sha256"], size) for entry, size in zip(planned, reader.sizes, strict=True)
    )
    record = CorpusRecord(SCHEMA, listed, statistics, text_hash(folder / "val.jsonl"))
    write_file(folder / "corpus.json", record)
    return statistics


class _Reader:
    """Reads sources into the tasks of `clean_part`, and remembers what came by."""

    def __init__(
        self, building: Path, bar: ProgressBar, dropped: Dropped, *, signatures: bool, say: Say | None
    ) -> None:
        self._building, self._bar, self._dropped = building, bar, dropped
        self._signatures, self._say = signatures, say or (lambda line: None)
        self._stored_bytes = 0
        self.paths: list[Path] = []
        """Of all parts, those that were there already too."""
        self.sizes: list[int] = []
        """UTF-8 bytes of each source as it was read."""

    def parts(
        self, sources: Sequence[str], planned: Sequence[dict[str, str]]
    ) -> Iterator[tuple[list[Document], Path, bool]]:
        """A task for each part that is not there yet; TinylmError when a source is not what was planned."""
        for source, entry in zip(sources, planned, strict=True):
            documents, total = 0, 0
            reading = files.Reading()
            part: list[Document] = []
            held = 0
            for document in self._documents(source, reading):
                documents += not document.continues
                total += len(document.text.encode("utf-8", "surrogatepass"))
                part.append(document)
                held += len(document.text)
                if held >= PART_CHARACTERS:
                    yield from self._task(part)
                    part, held = [], 0
                self._bar.at(self._stored_bytes + reading.stored_bytes)
            if part:
                yield from self._task(part)
            self._stored_bytes += reading.stored_bytes
            self.sizes.append(total)
            # Of what was read: text that changed on the way stands under no hash, neither the old nor the new one.
            content = _content(source) if source in BUILT_IN else reading.fingerprint()
            if _entry(source, content) != entry:
                raise TinylmError(
                    f"`{entry['name']}` changed while it was being read",
                    "run the same command again when nothing writes to it, or name a copy of it",
                )
            for notice in reading.notices:
                self._say(notice)
            self._say(f"read {display_name(source)}: {counted(documents, 'document')}, {total:,} bytes")

    def _task(self, documents: list[Document]) -> Iterator[tuple[list[Document], Path, bool]]:
        path = self._building / f"part-{len(self.paths):06}.jsonl"
        self.paths.append(path)
        if not path.exists():
            yield documents, path, self._signatures

    def _documents(self, source: str, reading: files.Reading) -> Iterable[Document]:
        if source not in BUILT_IN:
            return files.read(source, dropped=self._dropped, reading=reading)
        whole = sample.read() if source == "sample" else gutenberg.read(progress=self._say)
        return (
            replace(document, text=text, continues=continues)
            for document in whole
            for text, continues in sections(document.text)
        )


def fingerprint(sources: Sequence[str]) -> list[dict[str, str]]:
    """The `name` and `sha256` of each source, in order, without building anything.

    The hash changes with the content of files (not with where they lie), the books' texts (which are downloaded when
    they are not there), the sample's text, and what normalisation and cleaning do. TinylmError when a
    path cannot be read or a book cannot be had.
    """
    return [_entry(source, _content(source)) for source in sources]


def _content(source: str) -> str:
    """The hash of a source's text; of the sample's documents, not their file, because it names datasets on disk."""
    if source == "gutenberg":
        return gutenberg.fingerprint()
    if source != "sample":
        return files.fingerprint(source)
    digest = hashlib.sha256()
    for document in sample.read():
        digest.update(json.dumps(asdict(document)).encode())
    return digest.hexdigest()


def _entry(source: str, content: str) -> dict[str, str]:
    made = hashlib.sha256(f"{NORMALISATION} {CLEANING} {SPLITTING} {content}".encode())
    return {"name": display_name(source), "sha256": made.hexdigest()}


def _continue(building: Path, plan: dict[str, object]) -> Path:
    """The folder of parts, empty unless it was begun with the same plan."""
    path = building / "plan.json"
    data = (json.dumps({"parts": PARTS, **plan}, indent=1) + "\n").encode()
    try:
        begun = path.read_bytes() == data
    except OSError:
        begun = False
    if not begun:
        shutil.rmtree(building, ignore_errors=True)
        write_atomic(path, data)
    return building


def _stored_bytes(sources: Sequence[str], building: Path) -> int:
    """Bytes on disk of the sources that are files; TinylmError when the disk has no room for what they become."""
    total = sum(files.stored_bytes(source) for source in sources if source not in BUILT_IN)
    there = sum(path.stat().st_size for path in building.iterdir())
    needed, free = int(DISK_SHARE * total) - there, shutil.disk_usage(building).free
    if needed > free:
        raise TinylmError(
            f"the corpus takes {needed / 1e6:,.0f} MB to build in `{building.parent}`, and {free / 1e6:,.0f} are free",
            "free some space, or call tinylm in a folder on a larger disk",
        )
    return total
