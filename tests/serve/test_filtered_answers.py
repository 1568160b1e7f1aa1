"""What a server does not take, does not write and hides: the content filter and redaction over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from http_server import serving

from tinylm.bundle.reading import Bundle


def test_the_content_filter_ends_answers_and_refuses_prompts(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    path, file = make_bundle(scheme="int8").path, tmp_path / "list.toml"
    wanted = {"temperature": 0, "max_tokens": 60, "logprobs": 20, "ignore_eos": True}
    with serving(path, filter="off") as own:
        assert own.ask("GET", "/v1/models").document["data"][0]["tinylm"]["filter"] is None
        text = own.complete(**wanted).document["choices"][0]["text"]
    word = re.findall(r"(?<![\w'])[a-zñé]+(?![\w'])", text[3:-3])[-1]
    file.write_text(f'schema = "1.0"\nname = "own"\n[[rules]]\ncategory = "word"\nphrases = ["{word}", "zz yy"]\n')
    with serving(path, filter=str(file)) as own:
        listed = own.ask("GET", "/v1/models").document["data"][0]["tinylm"]["filter"]
        assert listed["name"] == "own"
        for stream in (False, True):
            answer = own.complete(**wanted, stream=stream)
            chunks = answer.chunks if stream else [answer.document]
            choices = [choice for chunk in chunks for choice in chunk["choices"]]
            shown = "".join(choice["text"] for choice in choices)
            assert choices[-1]["finish_reason"] == "content_filter"
            assert text.startswith(shown)
            assert not re.search(rf"(?<!\w){word}(?!\w)", shown)
            found = [choice["logprobs"] for choice in choices if choice["logprobs"]]
            assert "".join(token for one in found for token in one["tokens"]).rstrip() in (shown, shown.rstrip())
            assert word not in {name.strip() for one in found for top in one["top_logprobs"] for name in top}
        refused = own.complete(f"casa {word} luca")
        assert (refused.status, refused.error["code"], refused.error["param"]) == (400, "content_filter", "prompt")
        assert word not in refused.error["message"]
        chat = own.post("/v1/chat/completions", messages=[{"role": "user", "content": word}])
        assert (chat.status, chat.error["param"]) == (400, "messages")
        spread = [{"role": "user", "content": "say zz"}, {"role": "user", "content": "yy now"}]
        assert own.post("/v1/chat/completions", messages=spread).error["code"] == "content_filter"
        assert own.metric('tinylm_answers_total{reason="content_filter"}') >= 1
        assert own.metric('tinylm_refused_requests_total{code="content_filter"}') == 3


def test_redacted_answers_show_no_tokens(bundle: Bundle, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(bundle.path, redact=True, log_text=True) as own:
        assert own.complete("casa bob@example.org", max_tokens=2).status == 200
        refused = own.complete(max_tokens=2, logprobs=0)
        assert (refused.status, refused.error["param"]) == (400, "logprobs")
    said = capfd.readouterr().err
    assert "casa [email]" in said
    assert "bob@" not in said
