"""Line ends and marks are gone before anybody looks for lines; what is not UTF-8 is named, with what converts it."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading import files
from tinylm.corpus.reading.encodings import decoded, other_encoding
from tinylm.corpus.statistics import Dropped

STORY = "The miller went home.\nNobody saw him, and the river was high.\n" * 3
END = "<|endoftext|>"


@given(
    st.lists(st.sampled_from(["a", "ñ", "\r", "\n", "\r\n", "\ufeff", " ", "🌊"]), max_size=30),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_line_ends_and_marks_wherever_chunks_end(parts: list[str], cuts: list[int]) -> None:
    data = "".join(parts).encode()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(places)]
    expected = re.sub("\r\r\n|\r\n|\r", "\n", data.decode()).replace("\ufeff", "")
    assert "".join(decoded(chunks, Path("a.txt"), None)) == expected


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_document_ends_at_its_mark_whatever_the_line_ends(tmp_path: Path, ends: str, mark: str) -> None:
    lines = [f"{mark}{END}", "One.", END, f"  {END}\t", "Two.", END, f"Three {END} inside.", ""]
    (tmp_path / "a.txt").write_bytes(ends.join(lines).encode())
    dropped, reading = Dropped(), files.Reading()
    found = [
        document.text.strip() for document in files.read(str(tmp_path / "a.txt"), dropped=dropped, reading=reading)
    ]
    assert [text for text in found if text] == ["One.", "Two.", f"Three {END} inside."]
    assert dropped.marks_in_text == 1
    [notice] = reading.notices
    assert "inside a line parts nothing and stays in the text: `a.txt`" in notice


@pytest.mark.parametrize("mark", ["</s>", "<|ENDOFTEXT|>"])
def test_marks_of_other_programs_are_said(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.txt").write_text(f"{STORY}  {mark}\n{STORY}", encoding="utf-8")
    (tmp_path / "b.txt").write_text(f"{STORY}A line with {mark} inside.\n", encoding="utf-8")
    reading = files.Reading()
    assert len(list(files.read(str(tmp_path), dropped=Dropped(), reading=reading))) == 2
    [notice] = reading.notices
    assert f"lines `{mark}` part nothing and stay in the text: `{tmp_path.name}/a.txt`; " in notice


def test_several_files_put_together_have_marks_in_the_middle(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(f"{STORY}\ufeff{END}\n{STORY}\ufeff{END}\x1a".encode())
    found = [document.text.strip() for document in files.read(str(tmp_path / "a.txt"), dropped=Dropped())]
    assert found == [STORY.strip(), STORY.strip(), ""]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-32-le", "UTF-32LE"),
        ("utf-32-be", "UTF-32BE"),
    ],
)
@pytest.mark.parametrize(
    "text", [STORY, "Мельник пошёл домой.\nРека была высокой.\n" * 3, "磨坊主 回家了。\n没有人看见他。\n" * 9]
)
def test_wide_text_is_named_and_the_command_makes_it_readable(
    tmp_path: Path, encoding: str, name: str, text: str
) -> None:
    path = tmp_path / "a story.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(TinylmError, match=f"is {name} text") as caught:
        list(files.read(str(path), dropped=Dropped()))
    command = caught.value.hint.split("`")[1]
    subprocess.run(["sh", "-c", command], check=True)
    assert [document.text for document in files.read(str(tmp_path / "a story-text.txt"), dropped=Dropped())] == [text]


@pytest.mark.parametrize("data", [STORY.encode(), bytes(range(256)) * 20, b"\0" * 4000, b"ab\0cd", "ñ\0".encode() * 50])
def test_what_is_not_wide(data: bytes) -> None:
    assert other_encoding(data) is None


@pytest.mark.parametrize(
    ("encoding", "text"), [("ISO-2022-JP", "日本語の文章です。\n"), ("ISO-2022-KR", "한국어 글입니다.\n")]
)
def test_7_bit_encodings_would_pass_for_utf_8(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding) * 20)
    with pytest.raises(TinylmError, match=f"is {encoding} text") as caught:
        list(files.read(str(tmp_path / "a.txt"), dropped=Dropped()))
    assert f"iconv -f {encoding} -t UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    ("language", "encoding"),
    [("es", "WINDOWS-1252"), ("ru", "WINDOWS-1251"), ("ja", "SHIFT_JIS"), ("pl", "WINDOWS-1250")],
)
def test_an_8_bit_encoding_is_guessed_from_the_language(tmp_path: Path, language: str, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"ma\xf1ana")
    with pytest.raises(TinylmError, match="is not UTF-8: byte 0xf1 at offset 2") as caught:
        list(files.read(f"{language}:{tmp_path / 'a.txt'}", dropped=Dropped()))
    assert f"iconv -f {encoding} -t UTF-8" in caught.value.hint


@pytest.mark.parametrize(("ends", "encoding"), [("\n", "WINDOWS-1252"), ("\r", "MACINTOSH")])
def test_without_a_language_the_guess_says_for_whom_it_holds(tmp_path: Path, ends: str, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(f"ma\xf1ana{ends}".encode("latin-1") * 9)
    with pytest.raises(TinylmError) as caught:
        list(files.read(str(tmp_path / "a.txt"), dropped=Dropped()))
    assert f"iconv -f {encoding} -t UTF-8" in caught.value.hint
    assert "Western Europe; for others state it, as in `ja:PATH`" in caught.value.hint


@pytest.mark.parametrize("place", [5, 100_000])
def test_one_nul_is_a_control_character_wherever_it_stands(tmp_path: Path, place: int) -> None:
    text = STORY * 1000
    (tmp_path / "a.txt").write_text(f"{text[:place]}\0{text[place:]}", encoding="utf-8")
    assert len(next(files.read(str(tmp_path / "a.txt"), dropped=Dropped())).text) == len(text) + 1
