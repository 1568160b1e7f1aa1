"""The corpus files of a dataset: what is in them, how they are read back, and what stays when something fails."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from tinylm.base.errors import TinylmError
from tinylm.base.package import child_environment
from tinylm.corpus import gutenberg
from tinylm.corpus.building import build
from tinylm.corpus.building.build import build_corpus, fingerprint
from tinylm.corpus.corpus_files import read_pieces, read_record
from tinylm.corpus.reading import unpacking
from tinylm.text.documents import Document, Piece

WORDS = ("harbour", "lamp", "gull", "wind", "north", "boat", "rope", "anchor", "morning", "quiet", "señal", "río")


def text(seed: int, paragraphs: int = 60) -> str:
    random_ = random.Random(seed)
    return "\n\n".join(" ".join(random_.choices(WORDS, k=40)).capitalize() + "." for _ in range(paragraphs))


@pytest.fixture
def novels(tmp_path: Path) -> Path:
    for language, seed in (("en", 1), ("es", 2)):
        folder = tmp_path / "novels" / language
        folder.mkdir(parents=True)
        (folder / "one.txt").write_text(text(seed).replace("\n", "\r\n") + "\x07\ufffd", encoding="utf-8")
    return tmp_path / "novels"


def small_sample() -> Iterator[Document]:
    yield Document(f"A story.\n\n{text(5, 2)}", "en", "sample/0", "train")
    yield Document(f"Held out.\n\n{text(105, 2)}", "en", "sample/1", "val")


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.sample, "read", small_sample)


def test_pieces_statistics_and_record_round_trip(novels: Path, tmp_path: Path) -> None:
    said: list[str] = []
    statistics = build_corpus([str(novels)], tmp_path / "out", progress=said.append)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["corpus.json", "train.jsonl", "val.jsonl"]
    train, val = (list(read_pieces(tmp_path / "out" / f"{side}.jsonl")) for side in ("train", "val"))
    both = sorted(word for piece in [*train, *val] for word in piece.text.split())
    assert both == sorted(f"{text(1)}\ufffd {text(2)}\ufffd".split())
    assert statistics.total_bytes("val") == sum(len(piece.text.encode()) for piece in val) > 0
    assert statistics.dropped.control_characters == 2
    assert statistics.dropped.replacement_characters == 2
    record = read_record(tmp_path / "out" / "corpus.json")
    assert record.statistics == statistics
    assert [(source.name, source.sha256) for source in record.sources] == [
        ("novels", fingerprint([str(novels)])[0]["sha256"])
    ]
    texts = [path.read_text(encoding="utf-8") for path in novels.rglob("*.txt")]  # with `\n` for `\r\n`
    assert record.sources[0].bytes == sum(len(text.encode()) for text in texts)
    assert "señal" in (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8")
    assert str(tmp_path) not in (tmp_path / "out" / "corpus.json").read_text(encoding="utf-8")
    assert [line.partition(",")[0] for line in said] == ["read novels: 2 documents"]
    build_corpus([str(novels / "en")], tmp_path / "one", progress=said.append)
    assert said[1].startswith("read en: 1 document, ")


def test_building_twice_gives_the_same_bytes(novels: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_corpus([str(novels)], tmp_path / name)
    for file in ("train.jsonl", "val.jsonl", "corpus.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_hard_wrapped_text_is_unwrapped_and_normalised_once(tmp_path: Path) -> None:
    wrapped = tmp_path / "w.txt"
    paragraphs = text(3).split("\n\n")
    wrapped.write_text("\ufeff" + "\n\n".join(_wrap(paragraph) for paragraph in paragraphs), encoding="utf-8")
    build_corpus([f"en:{wrapped}"], tmp_path / "out")
    pieces = [*read_pieces(tmp_path / "out/train.jsonl"), *read_pieces(tmp_path / "out/val.jsonl")]
    assert not any("\n" in part for piece in pieces for part in piece.text.split("\n\n"))
    assert {piece.language for piece in pieces} == {"en"}


def _wrap(paragraph: str) -> str:
    lines, line = [], ""
    for word in paragraph.split():
        if len(line) + 1 + len(word) > 70:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


@pytest.mark.usefixtures("sample")
def test_sources_mix_and_duplicates_across_them_go(novels: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_text(text(1), encoding="utf-8")
    statistics = build_corpus(["sample", str(novels), f"fr:{copy}"], tmp_path / "out")
    assert statistics.dropped.duplicate_paragraphs == 59, "all but the last, which ends in U+FFFD in the novel"
    assert statistics.languages["fr"]["train"].paragraphs == 1
    sources = {piece.source for piece in read_pieces(tmp_path / "out/val.jsonl")}
    assert "sample/1" in sources
    assert "sample/0" not in sources
    assert any("Held out." in piece.text for piece in read_pieces(tmp_path / "out/val.jsonl"))


def test_gutenberg_from_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(gutenberg, "_download", _canned_download)
    statistics = build_corpus(["gutenberg"], tmp_path / "out")
    assert set(statistics.languages) == {"en", "es"}
    assert len(list((tmp_path / "cache/tinylm/gutenberg").glob("*.txt"))) == len(gutenberg.BOOKS)
    monkeypatch.setattr(gutenberg, "_download", None)
    assert build_corpus(["gutenberg"], tmp_path / "again") == statistics


def _canned_download(url: str, **limits: float) -> bytes:
    number = int(Path(url).stem.removeprefix("pg"))
    marker = "OF THE PROJECT GUTENBERG EBOOK X ***"
    return f"[eBook #{number}]\n*** START {marker}\n\n{text(number, 8)}\n\n*** END {marker}\n".encode()


@pytest.mark.usefixtures("sample")
def test_fingerprints_follow_the_content_only(novels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(gutenberg, "_download", _canned_download)
    sources = ["sample", "gutenberg", str(novels)]
    first = fingerprint(sources)
    assert [entry["name"] for entry in first] == ["sample", "gutenberg", "novels"]
    assert len({entry["sha256"] for entry in first}) == 3
    assert fingerprint(sources) == first
    (novels / "en/one.txt").write_text("other", encoding="utf-8")
    assert [a == b for a, b in zip(first, fingerprint(sources), strict=True)] == [True, True, False]


def test_a_file_that_is_edited_while_it_is_read_is_refused(
    novels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the new text would stand under the old text's hash, for this run and every later one."""
    out = tmp_path / "out"
    build_corpus([str(novels)], out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    chunks = unpacking._plain

    def edit(raw: BinaryIO) -> Iterator[bytes]:
        for chunk in chunks(raw):
            if raw.name.endswith("es/one.txt") and raw.name not in hashed:
                hashed.append(raw.name)  # the first look only tells whether it is text
            elif raw.name.endswith("es/one.txt"):
                chunk = chunk.replace(b"lamp", b"lump")
            yield chunk

    hashed: list[str] = []
    planned = fingerprint([str(novels)])
    monkeypatch.setattr(unpacking, "_plain", edit)
    with pytest.raises(TinylmError, match="`novels` changed while it was being read") as caught:
        build_corpus([str(novels)], out, planned=planned)
    assert "run the same command again" in caught.value.hint
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    monkeypatch.undo()
    build_corpus([str(novels)], out)
    assert read_record(out / "corpus.json").sources[0].sha256 == fingerprint([str(novels)])[0]["sha256"]


def test_a_file_that_is_edited_after_it_was_read_is_known_by_what_was_read(novels: Path, tmp_path: Path) -> None:
    planned = fingerprint([str(novels)])

    def edit(line: str) -> None:
        (novels / "es" / "one.txt").write_text(text(9), encoding="utf-8")

    build_corpus([str(novels)], tmp_path / "out", planned=planned, progress=edit)
    assert fingerprint([str(novels)]) != planned
    both = "".join((tmp_path / "out" / f"{side}.jsonl").read_text(encoding="utf-8") for side in ("train", "val"))
    assert text(9).split("\n\n")[0] not in both
    assert text(2).split("\n\n")[0] in both


def test_a_file_that_is_edited_after_planning_is_refused(novels: Path, tmp_path: Path) -> None:
    planned = fingerprint([str(novels)])
    (novels / "es" / "one.txt").write_text(text(9), encoding="utf-8")
    with pytest.raises(TinylmError, match="`novels` changed while it was being read"):
        build_corpus([str(novels)], tmp_path / "out", planned=planned)


def test_unusable_input_leaves_the_folder_as_it_was(novels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build_corpus([str(novels)], out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (tmp_path / "bad.txt").write_bytes(b"\xff\x00\xffbad")
    (tmp_path / "short.txt").write_text("One sentence.", encoding="utf-8")
    for sources in (
        [str(novels), str(tmp_path / "bad.txt")],
        [str(tmp_path / "short.txt")],
        [str(tmp_path / "no")],
        [],
    ):
        with pytest.raises(TinylmError) as caught:
            build_corpus(sources, out)
        assert caught.value.hint
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(TinylmError):
        build_corpus([str(tmp_path / "short.txt")], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_failure_between_the_files_leaves_no_record(
    novels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    build_corpus([str(novels)], out)

    def full(path: Path, record: object) -> None:
        raise TinylmError("disk full")

    monkeypatch.setattr(build, "write_file", full)
    monkeypatch.setattr(build, "_continue", begin)
    with pytest.raises(TinylmError, match="disk full"):
        build_corpus([f"fr:{novels}"], out)
    assert sorted(path.name for path in out.iterdir()) == ["train.jsonl", "val.jsonl"]


def begin(building: Path, plan: object) -> Path:
    building.mkdir()
    return building


SMALL_PARTS = """
import pathlib, resource, signal, sys
from tinylm.corpus.building import build
from tinylm.corpus.building import parallel

def main(out, source, limit, after):
    build.PART_CHARACTERS = 20_000
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    def stop(line):
        signal.raise_signal(signal.SIGKILL)
    build.build_corpus([source], pathlib.Path(out), progress=stop if after == "kill" else print)

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.fixture
def in_a_process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Builds in a process of its own, in small parts on all cores, with a limit on the size of files."""
    script = tmp_path / "script.py"
    script.write_text(SMALL_PARTS, encoding="utf-8")

    def call(out: Path, source: Path, *, limit: int = 0, after: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, script, out, source, str(limit), after],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=child_environment(),
            timeout=120,
            check=False,
        )

    return call


def test_a_killed_build_continues_and_cleans_no_part_twice(
    tmp_path: Path, in_a_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    source, out = tmp_path / "long.txt", tmp_path / "out"
    source.write_text("\n<|endoftext|>\n".join(text(seed) for seed in range(20)), encoding="utf-8")
    assert in_a_process(tmp_path / "whole", source).returncode == 0
    assert in_a_process(out, source, after="kill").returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while any(process.info["cwd"] == str(tmp_path) for process in psutil.process_iter(["cwd"])):
        assert time.monotonic() < deadline, "the processes of a killed build are still there"
        time.sleep(0.1)
    parts = sorted((out / "building").glob("part-*[0-9].jsonl"))
    assert len(parts) > 3
    assert not (out / "corpus.json").exists()
    times = {path: path.stat().st_mtime_ns for path in parts}
    marked = parts[1].read_text(encoding="utf-8").replace("anchor", "ANCHOR")
    parts[1].write_text(marked, encoding="utf-8")  # a part that is used again shows it
    assert len(times) > 3
    assert in_a_process(out, source).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["corpus.json", "train.jsonl", "val.jsonl"]
    for name in ("train.jsonl", "val.jsonl"):
        continued = (out / name).read_text(encoding="utf-8")
        assert continued.replace("ANCHOR", "anchor") == (tmp_path / "whole" / name).read_text(encoding="utf-8")
    assert "ANCHOR" in (out / "train.jsonl").read_text(encoding="utf-8")
    # Other settings are another corpus: nothing of it is used.
    assert in_a_process(out, source, after="kill").returncode == -signal.SIGKILL
    (out / "building" / "plan.json").write_text("{}")
    assert in_a_process(out, source).returncode == 0
    assert (out / "train.jsonl").read_bytes() == (tmp_path / "whole" / "train.jsonl").read_bytes()


@pytest.mark.parametrize("limit", [9_000, 60_000])
def test_a_full_disk_leaves_nothing(
    limit: int, tmp_path: Path, in_a_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A limit on the size of a file stands in for the disk: parts break it, or the corpus files."""
    source = tmp_path / "long.txt"
    source.write_text("\n\n".join(text(seed) for seed in range(20)), encoding="utf-8")
    stopped = in_a_process(tmp_path / "out", source, limit=limit)
    assert "TinylmError: cannot write" in stopped.stderr
    assert "File too large" in stopped.stderr
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_too_small_is_told_before(novels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(TinylmError, match=r"MB to build in .*, and 0 are free"):
        build_corpus([str(novels)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


GOOD = {"text": "Gulls.", "language": "en", "source": "a", "start": True, "end": False}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (json.dumps(GOOD), "line 2 breaks off"),
        ("{\n", "line 2 is not JSON"),
        ("\n", "line 2 is not JSON"),
        (json.dumps({**GOOD, "txt": 1}) + "\n", "line 2 has the unknown key `txt`"),
        (json.dumps({**GOOD, "end": 1}) + "\n", "line 2: `end`"),
        (json.dumps({**GOOD, "text": ""}) + "\n", "line 2: a piece needs text"),
        (json.dumps({"text": "a"}) + "\n", "line 2 lacks the key `language`"),
        ("[" * 100_000 + "\n", "line 2 is not JSON"),
    ],
)
def test_read_pieces_is_strict(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line, encoding="utf-8")
    pieces = read_pieces(path)
    assert next(pieces) == Piece("Gulls.", "en", "a", start=True, end=False)
    with pytest.raises(TinylmError, match=message) as caught:
        list(pieces)
    assert str(path) in str(caught.value)


def test_missing_and_foreign_corpus_files(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="cannot read the corpus file"):
        list(read_pieces(tmp_path / "train.jsonl"))
    with pytest.raises(TinylmError, match="cannot read"):
        read_record(tmp_path / "corpus.json")
    (tmp_path / "corpus.json").write_text('{"schema": "2.0"}')
    with pytest.raises(TinylmError, match=r"schema 2\.0"):
        read_record(tmp_path / "corpus.json")
