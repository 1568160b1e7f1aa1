"""Reading the user's files: languages, formats, and errors that say what is wrong and where."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading import files, json_documents, unpacking
from tinylm.corpus.reading.source_names import display_name
from tinylm.corpus.statistics import Dropped
from tinylm.text.documents import Document


def read(source: Path | str, dropped: Dropped | None = None) -> list[Document]:
    return list(files.read(str(source), dropped=dropped or Dropped()))


def error(source: Path | str) -> TinylmError:
    with pytest.raises(TinylmError) as caught:
        read(source)
    assert caught.value.hint
    assert caught.value.exit_code == 2
    return caught.value


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_folder_is_read_in_order_with_languages_from_folders(tmp_path: Path) -> None:
    write(tmp_path / "books/es/b.txt", "Hola.")
    write(tmp_path / "books/en/deep/a.md", "Hello.")
    write(tmp_path / "books/src/c.txt", "Who knows.")
    write(tmp_path / "books/z.txt", "Nor here.")
    assert read(tmp_path / "books") == [
        Document("Hello.", "en", "books/en/deep/a.md"),
        Document("Hola.", "es", "books/es/b.txt"),
        Document("Who knows.", "und", "books/src/c.txt"),
        Document("Nor here.", "und", "books/z.txt"),
    ]


@pytest.mark.parametrize(
    ("prefix", "folder", "fields", "language"),
    [
        ("", "plain", {}, "und"),
        ("", "es", {}, "es"),
        ("", "spa", {}, "es"),
        ("", "gl", {}, "gl"),
        ("", "es", {"language": "en-GB"}, "en"),
        ("", "es", {"lang": "PT"}, "pt"),
        ("", "es", {"lang": "Deutsch"}, "de"),
        ("", "es", {"lang": "aaf"}, "aaf"),
        ("", "English", {}, "en"),
        ("", "pt_BR", {}, "pt"),
        ("EN:", "es", {}, "en"),
        ("Español:", "en", {}, "es"),
        ("zh-Hant:", "en", {}, "zh"),
        ("", "es", {"language": None}, "es"),
        ("fr:", "es", {"language": "en"}, "fr"),
    ],
)
def test_what_states_the_language(
    tmp_path: Path, prefix: str, folder: str, fields: dict[str, str | None], language: str
) -> None:
    path = write(tmp_path / folder / "x.jsonl", json.dumps({"text": "t", **fields}))
    assert [document.language for document in read(f"{prefix}{path}")] == [language]


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_compressed_files_even_several_streams_in_one(tmp_path: Path, suffix: str, compress: object) -> None:
    assert callable(compress)
    text = "línea\n" * 300_000
    path = write(tmp_path / f"a.txt{suffix}", compress(text.encode()) + compress(b"end"))
    assert read(path)[0].text == text + "end"
    lines = "".join(json.dumps({"text": str(n)}) + "\n" for n in range(3)) + "\n"
    path = write(tmp_path / f"a.jsonl{suffix}", compress(lines.encode()))
    assert [document.text for document in read(path)] == ["0", "1", "2"]


def test_a_bomb_is_stopped_and_never_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_BYTES", 3_000_000)
    for suffix, compress in ((".gz", gzip.compress), (".xz", lzma.compress)):
        path = write(tmp_path / f"bomb.txt{suffix}", compress(b"a" * 50_000_000))
        assert path.stat().st_size < 100_000
        assert "more than 3,000,000 bytes" in str(error(path))
    assert "more than 3,000,000 bytes" in str(error(write(tmp_path / "big.txt", b"a" * 3_000_001)))


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_damaged_archives(tmp_path: Path, suffix: str, compress: object) -> None:
    assert callable(compress)
    data: bytes = compress(os.urandom(5000).hex().encode())
    assert "damaged" in str(error(write(tmp_path / f"short.txt{suffix}", data[:-20])))
    assert read(write(tmp_path / f"plain.txt{suffix}", b"no archive"))[0].text == "no archive"
    assert read(write(tmp_path / "without-suffix", compress(b"an archive")))[0].text == "an archive"


def test_an_archive_that_wants_too_much_memory(tmp_path: Path) -> None:
    data = bytearray(lzma.compress(b"text"))
    data[12:24] = _block_header(dict_size_code=34)
    assert "emory" in str(error(write(tmp_path / "greedy.xz", bytes(data))))


def _block_header(*, dict_size_code: int) -> bytes:
    """An .xz block header for LZMA2; code 34 asks for 512 MiB (the format's section 5.3.1)."""
    header = bytes([2, 0, 0x21, 1, dict_size_code, 0, 0, 0])
    return header + zlib.crc32(header).to_bytes(4, "little")


def test_end_of_text_lines_part_documents(tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", "One.\n<|endoftext|>\nTwo, with <|endoftext|> inside.\n<|endoftext|>\n")
    assert [document.text.strip() for document in read(path)] == ["One.", "Two, with <|endoftext|> inside.", ""]


def test_what_a_folder_skips_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "d/good.txt", "Good.")
    write(tmp_path / "d/.hidden", "Hidden.")
    write(tmp_path / "d/photo.jpg", b"\xff\xd8\xff\xe0 picture")
    write(tmp_path / "d/program", b"code\x00\x01")
    write(tmp_path / "d/empty.txt", " \n")
    (tmp_path / "d/loop").symlink_to(tmp_path / "d")
    (tmp_path / "d/nowhere").symlink_to("missing")
    (tmp_path / "d/self").symlink_to("self")
    os.mkfifo(tmp_path / "d/pipe")
    dropped = Dropped()
    assert [document.text for document in read(tmp_path / "d", dropped)] == ["Good."]
    assert dropped.files == {
        "hidden": 1,
        "binary": 2,
        "empty": 1,
        "links to a folder already read": 1,
        "broken links": 2,
        "not regular files": 1,
    }


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/x.txt", "Text.")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/es").symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path / "d") == [Document("Text.", "es", "d/es/x.txt")]


def test_a_folder_with_nothing_usable_says_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "d/a.png", b"\x89PNG\r\n")
    write(tmp_path / "d/b.txt", b"")
    assert "left out: binary (1), empty (1)" in str(error(tmp_path / "d"))
    (tmp_path / "e").mkdir()
    assert "the folder is empty" in str(error(tmp_path / "e"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\n", "is empty"),
        ("a.bin", b"ab\x00cd", "is binary"),
        ("a.pdf", b"%PDF-1.7 text", "is a PDF document"),
        ("latin.txt", "año".encode("latin-1"), "is not UTF-8: byte 0xf1 at offset 1"),
        ("cut.txt", "año".encode()[:2], "is not UTF-8: byte 0xc3 at offset 1"),
        ("a.jsonl", b'{"text": "a"}\n\n{"body": "b", "id": 1}', "line 3 has no string `text`; it has `body`, `id`"),
        ("b.jsonl", b'{"text": "a"}\n{"text": 5}', "line 2 has no string `text`; `text` is 5"),
        ("b2.jsonl", b'{"text": null}', "line 1 has no string `text`; `text` is null"),
        ("b3.jsonl", b'{"text": ["' + b"a" * 99 + b'"]}', 'line 1 has no string `text`; `text` is ["aaaa'),
        ("b4.jsonl", b"{}", "line 1 has no string `text`; it has no keys"),
        ("c.jsonl", b"[1]", "line 1 has no string `text`; it is no JSON object"),
        ("d.jsonl", b'{"text": "a"}\n{"text": ', "line 2 is not JSON"),
        ("e.jsonl", b'{"text": "a", "language": "Klingon"}', "line 1 has the language 'Klingon'"),
        ("f.jsonl", b"[" * 100_000, "line 1 is not JSON"),
    ],
)
def test_a_named_file_that_is_unusable(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = write(tmp_path / name, content)
    caught = error(path)
    assert str(path) in str(caught)
    assert message in str(caught)


def test_paths_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not exist" in str(error(tmp_path / "nothing.txt"))
    hints = {name: error(name).hint for name in ("sampel", "samples", "gutenburg", "novels")}
    assert hints["sampel"] == hints["samples"] == "did you mean `sample`?"
    assert hints["gutenburg"] == "did you mean `gutenberg`?"
    assert hints["novels"].startswith("text is named by its path, such as `novels`")
    assert "is not a path" in str(error("a\0b"))
    (tmp_path / "self").symlink_to("self")
    assert "leads to itself" in str(error(tmp_path / "self"))
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in str(error(tmp_path / "pipe"))
    locked = write(tmp_path / "locked.txt", "text")
    real = Path.open

    def refuse(path: Path, *arguments: str) -> object:  # the tests may run as root, whom permissions do not stop
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    assert "may not be read" in str(error(locked))


@pytest.mark.parametrize(
    ("prefix", "example"), [("xx", "en"), ("Spansh", "es"), ("jp", "ja"), ("c", "en"), (" es", "es"), ("sp", "es")]
)
def test_an_unknown_language_is_not_a_missing_file(tmp_path: Path, prefix: str, example: str) -> None:
    path = write(tmp_path / "novel.txt", "Text.")
    caught = error(f"{prefix}:{path}")
    assert str(caught) == f"the language `{prefix}` of `{prefix}:{path}` is unknown"
    assert f"`{example}:{path}`" in caught.hint
    assert "does not exist" in str(error(f"{prefix}:{path}x"))
    assert "does not exist" in str(error(f"es:{path}x"))


def test_a_missing_source_says_what_was_probably_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "fr:poems" / "a.txt", "Text.")
    path = write(tmp_path / "novel.txt", "Text.")
    (tmp_path / "link.txt").symlink_to("moved.txt")
    assert str(error("link.txt")) == "`link.txt` is a link to `moved.txt`, which does not exist"
    for address in ("https://example.org/a.txt", "es:https://example.org/a.txt"):
        assert str(error(address)) == f"`{address}` is an address, and tinylm reads files"
        assert error(address).hint.endswith("`curl -LO https://example.org/a.txt`")
    assert error("fr:poems").hint.endswith("write `./fr:poems`")
    assert error("en:sample").hint.endswith("leave `en:` out")
    assert error("sample").hint.endswith("only --corpus knows `sample`")
    assert error(f"file://{path}").hint == f"name the path alone: `{path}`"
    assert error("*.txt").hint.startswith("name the folder")
    assert "pipe" in error("-").hint


@pytest.mark.parametrize("path", [r"C:\texts", "d:/texts/a.txt"])
def test_a_drive_of_windows_is_no_language(path: str) -> None:
    caught = error(path)
    assert str(caught) == f"`{path}` does not exist"
    assert f"`/mnt/{path[0].lower()}` here" in caught.hint


def test_half_surrogates_in_json_are_removed_and_counted(tmp_path: Path) -> None:
    dropped = Dropped()
    path = write(tmp_path / "a.jsonl", r'{"text": "a\ud83db \ud83d\ude00"}')
    assert read(path, dropped)[0].text == "ab 😀"
    assert dropped.surrogates == 1


def test_fingerprint_follows_content_names_and_languages_but_not_the_place(tmp_path: Path) -> None:
    write(tmp_path / "1/d/es/a.txt", "Hola.")
    write(tmp_path / "2/d/es/a.txt", "Hola.")
    same = files.fingerprint(str(tmp_path / "1/d"))
    assert files.fingerprint(str(tmp_path / "2/d")) == same
    others = [files.fingerprint(f"en:{tmp_path}/1/d")]
    write(tmp_path / "2/d/es/a.txt", "Hola!")
    others.append(files.fingerprint(str(tmp_path / "2/d")))
    (tmp_path / "1/d/es").rename(tmp_path / "1/d/en")
    others.append(files.fingerprint(str(tmp_path / "1/d")))
    assert len({same, *others}) == 4


def test_display_names_hide_the_folders_of_this_machine(tmp_path: Path) -> None:
    assert display_name(f"es:{tmp_path}/novels") == "es:novels"
    assert display_name(f"{tmp_path}/novels/") == "novels"
    assert display_name("spa:novels") == "es:novels"


def test_a_bad_byte_is_found_wherever_chunks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_CHUNK_BYTES", 7)
    text = "año ñandú " * 5
    assert read(write(tmp_path / "good.txt", text))[0].text == text
    for position in range(len(text)):
        head = text[:position].encode()
        caught = error(write(tmp_path / "bad.txt", head + b"\xff" + text[position:].encode()))
        assert f"byte 0xff at offset {len(head)}" in str(caught)


def test_a_line_of_json_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_CHUNK_BYTES", 10)
    path = write(tmp_path / "a.jsonl", '{"text": "one"}\n' + json.dumps({"text": "a" * 200}) + "\n")
    assert [document.text for document in read(path)] == ["one", "a" * 200]
    monkeypatch.setattr(json_documents, "MAX_VALUE_CHARACTERS", 100)
    assert "line 2 begins a value of more than 100 characters" in str(error(path))


def test_what_was_read_has_the_fingerprint_that_was_planned(tmp_path: Path) -> None:
    write(tmp_path / "d/en/a.txt", "Hello.")
    write(tmp_path / "d/b.jsonl.gz", gzip.compress(b'{"text": "Hola."}\n'))
    write(tmp_path / "d/c.png", b"\x89PNG\r\n")
    reading = files.Reading()
    for _ in files.read(str(tmp_path / "d"), dropped=Dropped(), reading=reading):
        pass
    assert reading.fingerprint() == files.fingerprint(str(tmp_path / "d"))
    sizes = [(tmp_path / "d" / name).stat().st_size for name in ("en/a.txt", "b.jsonl.gz")]
    assert reading.stored_bytes == files.stored_bytes(str(tmp_path / "d")) == sum(sizes)


def test_a_disk_that_fails_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", "text")

    def fail(raw: object) -> Iterator[bytes]:
        yield b"te"
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(unpacking, "_plain", fail)
    caught = error(path)
    assert str(caught) == f"cannot read `{path}`: Input/output error"


def test_a_file_that_breaks_off_may_be_utf_8(tmp_path: Path) -> None:
    (tmp_path / "cut.txt").write_bytes("El año que viene".encode() + b"\xc3")
    with pytest.raises(TinylmError, match="is not UTF-8: byte 0xc3 at offset 17") as caught:
        list(files.read(str(tmp_path / "cut.txt"), dropped=Dropped()))
    assert "if it is UTF-8 that breaks off there, get the whole of it" in caught.value.hint
