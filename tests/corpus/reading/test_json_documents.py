"""JSON is read as such whatever the file is called, in every arrangement, and wherever chunks end."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading import files
from tinylm.corpus.reading.json_documents import json_documents, looks_like_json
from tinylm.corpus.statistics import Dropped

RECORDS = [{"text": 'El niño dijo: "[{hola}]".', "language": "es"}, {"text": "Línea\u2028uno\ny dos\\", "id": 1.5e3}]
ARRANGEMENTS = {
    "lines": "".join(json.dumps(record) + "\n" for record in RECORDS),
    "lines of Windows": "\ufeff" + "\r\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS),
    "objects over several lines": "\n".join(json.dumps(record, indent=2) for record in RECORDS),
    "array": json.dumps(RECORDS),
    "array over several lines": json.dumps(RECORDS, indent=1, ensure_ascii=False),
    "array, a record a line": "[\n" + ",\n".join(json.dumps(record) for record in RECORDS) + "\n]\n",
    "an object with an array": json.dumps({"version": "1", "tags": ["x"], "data": RECORDS}, indent=1),
}


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson", "a.txt", "a", "a.json.gz", "a.gz"])
def test_every_arrangement_under_every_name(tmp_path: Path, arrangement: str, name: str) -> None:
    data = ARRANGEMENTS[arrangement].encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    found = list(files.read(str(tmp_path / name), dropped=Dropped()))
    assert [(document.text, document.language) for document in found] == [
        (RECORDS[0]["text"], "es"),
        (RECORDS[1]["text"], "und"),
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(TEXT, max_size=5), st.sampled_from([None, 0, 2]), st.booleans(), st.lists(st.integers(0, 999), max_size=6)
)
def test_chunks_do_not_matter(texts: list[str], indent: int | None, array: bool, cuts: list[int]) -> None:
    records = [{"text": text, "number": -1.25e-7, "flag": None} for text in texts]
    whole = (
        json.dumps(records, indent=indent)
        if array
        else "\n".join(json.dumps(record, indent=indent, ensure_ascii=False) for record in records)
    )
    places = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(places)]
    assert [fields.text for fields in json_documents(chunks, Path("a.json"))] == texts


@given(TEXT)
def test_a_text_in_quotes_is_recognised_from_any_beginning(text: str) -> None:
    whole = json.dumps({"text": text + "x"}) + "\n"
    assert looks_like_json(whole, whole=True)
    assert all(looks_like_json(whole[:end], whole=False) for end in range(len('{"text":'), len(whole)))


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ('[{"text": "a"},\n{"text": "b"}\n', "line 3 is not JSON: `,` or `]` is missing", "one a line or in an array"),
        ('[{"text": "a"}]\n{"text": "b"}', "line 2 is not JSON: something follows the array", "one a line"),
        ('[{"text": "a"}, {"text": "b]', "line 1 is not JSON: Unterminated string", "one a line"),
        ('{"text": "a"}\n{"text": "b"},\n', "line 2 is not JSON", "one a line"),
        ('["One story.", "Two."]', "line 1 has no string `text`; it is no JSON object", "one a line"),
        ('[\n{"in": "x",\n"out it": "a boat"}]', "line 2 has no string `text`", "jq -c '.[] | {text: .[\"out it\"]}' "),
        (
            '{"in": "x", "out": "a boat"}\n',
            "line 1 has no string `text`; it has `in`, `out`",
            "jq -c '{text: .[\"out\"]}' ",
        ),
        ('{"train": [{"text": "a"}], "test": [{"text": "a"}]}', "it has `train`, `test`", "one a line"),
        ('{"text": "a", "language": "Klingon"}', "line 1 has the language 'Klingon'", "ISO 639"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, content: str, message: str, hint: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(TinylmError) as caught:
        list(files.read(str(tmp_path / "a.json"), dropped=Dropped()))
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        ('[\n"One story.",\n"Two boats."]', ["One story.", "Two boats."]),
        ('"One story."\n"Two boats."\n', ["One story.", "Two boats."]),
        ('{"id": 1, "body": "One story."}\n{"id": 2, "body": "Two boats."}', ["One story.", "Two boats."]),
        ('{"id": "a1b2c3d4e5", "body": "古い船"}\n', ["古い船"]),
        (json.dumps({f"key{n}": f"Boat {n}." for n in range(30)}), [f"Boat {n}." for n in range(30)]),
        (
            '{"messages": [{"role": "user", "content": "Where to?"}, {"role": "bot", "content": "To the mill."}]}\n'
            * 2,
            ["Where to?\n\nTo the mill."] * 2,
        ),
        (json.dumps({"rows": [{"n": n, "it's": f"Boat {n}."} for n in range(30)]}), [f"Boat {n}." for n in range(30)]),
        (
            '{"messages": [{"text": "Hello."}, {"text": ["See ", {"type": "link", "text": "the mill"}, "."]}]}',
            ["Hello.", "See the mill."],
        ),
        ('{"nodes": [{"text": "A boat."}, {"file": "the mill.md"}, {"text": "Two."}]}', ["A boat.", "Two."]),
        ('{"text": "One."}\n{"text": null}\n{"text": "Two."}\n', ["One.", "Two."]),
    ],
)
@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_command_makes_documents_of_other_records(tmp_path: Path, content: str, documents: list[str]) -> None:
    (tmp_path / "a b.json").write_text(content, encoding="utf-8")
    with pytest.raises(TinylmError) as caught:
        list(files.read(str(tmp_path / "a b.json"), dropped=Dropped()))
    subprocess.run(["sh", "-c", caught.value.hint.split("`")[1]], check=True)
    made = files.read(str(tmp_path / "a b.jsonl"), dropped=Dropped())
    assert [document.text for document in made] == documents


@pytest.mark.parametrize("content", ['{"name": "x", "version": "1.0.0"}', '[{"id": "U1", "name": "mara"}]', "[1, 2]"])
def test_settings_and_names_are_not_said_to_be_text(tmp_path: Path, content: str) -> None:
    (tmp_path / "package.json").write_text(content, encoding="utf-8")
    with pytest.raises(TinylmError) as caught:
        list(files.read(str(tmp_path / "package.json"), dropped=Dropped()))
    assert "jq" not in caught.value.hint
