"""Text that is no prose: markup, subtitles, mail, settings and code, by how it begins.

What shows a signature that no prose has is refused, with the command that makes prose of it. What people may want to
learn as it stands (LaTeX, mail, code) is read, and said.
"""

from __future__ import annotations

import re

_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_TAG = re.compile(r"<(?:p|div|span|br|a|h[1-6]|ul|ol|li|table|img|b|i|em|strong)\b", re.IGNORECASE)
_FROM_HTML = "HTML", "pandoc {file} -f html -t plain --wrap=none -o {text}"
_XML = re.compile(r"<\?xml\s|<!doctype\s", re.IGNORECASE)
_ELEMENT = re.compile(r"<([A-Za-z][\w:.-]*)(?:\s[^<>]*)?>")
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>")
_CLOSING = re.compile(r"</[A-Za-z]")
_MARKUP = (".xml", ".svg", ".html", ".htm", ".xhtml")
_MARKDOWN = (".md", ".markdown", ".mdx", ".rst")  # a page in it may begin with a block of HTML
_TAG_EVERY = 200
"""Characters: text with a tag at least so often is markup."""

_TIME = r"\d{1,2}:\d{2}(?::\d{2})?[.,]\d{1,3}"
_CUES = re.compile(rf"^{_TIME}[ \t]*-->[ \t]*{_TIME}", re.MULTILINE)
_WITHOUT_CUES = r"sed -E '/-->/d; /^[0-9]+\r?$/d; /^WEBVTT/d; s/<[^>]*>//g' {file} > {text}"
_SUBTITLES = (
    (re.compile(rf"WEBVTT\b|(?:\d+[ \t]*\n)?{_TIME}[ \t]*-->"), _WITHOUT_CUES),
    (  # .ass
        re.compile(r"\[Script Info\]"),
        r"sed -nE 's/\{[^}]*\}//g; s/\\N/ /g; s/^Dialogue:([^,]*,){9}//p' {file} > {text}",
    ),
    (  # YouTube's .sbv
        re.compile(rf"{_TIME},{_TIME}\n"),
        r"sed -E '/^[0-9:.]+,[0-9:.]+\r?$/d' {file} > {text}",
    ),
    (  # MicroDVD's .sub, which counts pictures
        re.compile(r"(?:\{\d+\}\{\d+\}.*\n){3}"),
        r"sed -E 's/^\{[0-9]+\}\{[0-9]+\}//; s/\|/ /g' {file} > {text}",
    ),
    (  # .lrc, of songs
        re.compile(r"(?:\[\w+:[^\]\n]*\][ \t]*\n+)*(?:\[\d{1,3}:\d{2}\.\d{2,3}\].*\n+){3}"),
        r"sed -E '/^\[[a-z]+:.*\]\r?$/d; s/^(\[[0-9:.]+\])+//' {file} > {text}",
    ),
)
_TRANSCRIPT = re.compile(r"(?:\d{1,2}(?::\d{2}){1,2}\n.*[^\W\d].*\n+){10}")
_WITHOUT_CLOCK = r"sed -E '/^[0-9]+(:[0-9]{2}){1,2}\r?$/d' {file} > {text}"
_PYTHON_LITERALS = re.compile(r"\[?\s*\{\s*'[^'\n]{1,80}':")
_AS_JSON = (
    'python -c "import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin]"'
    " < {file} > {lines}"
)
_ASSIGNED = re.compile(r"(?:var\s+|window\.)[\w.$]+\s*=\s*\[\s*\{\s*\"")  # Twitter's archive
_JSON_ALONE = "sed -e '1s/^[^=]*=//' -e '$s/;[[:space:]]*$//' {file} > {lines}"
_TRANSLATIONS = re.compile(r'^msgid ".*\n(?:".*\n)*msgstr "', re.MULTILINE)
_TRANSLATED = "msgcat --no-wrap {file} | sed -n 's/^msgstr \"\\(.*\\)\"$/\\1/p' > {text}"
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{60,76}\n){20}")

_LATEX = re.compile(r"^[ \t]*\\(?:documentclass|documentstyle|begin\{document\})", re.MULTILINE)
_MAILBOX = re.compile(r"From \S+ .*\d{4}\n(?:[\w-]+:.*\n(?:[ \t].*\n)*){3}")
_HEADERS = re.compile(
    r"(?=(?s:.{0,4000}?)^(?:Message-ID|MIME-Version|Received|Delivered-To):)(?:[A-Z][\w-]*:.*\n(?:[ \t].*\n)*){4}",
    re.IGNORECASE | re.MULTILINE,
)
_RECORDS = {
    "a file of contacts": re.compile(r"BEGIN:VCARD\n"),
    "a calendar": re.compile(r"BEGIN:VCALENDAR\n"),
    "BibTeX": re.compile(r"@\w+\{[^\s,{}]+,[ \t]*\n[ \t]*\w+[ \t]*=[ \t]*[{\"]"),
}
_CODE = {
    "a file of settings": ".yaml .yml .toml .ini .cfg .conf .properties .env .lock",
    "code": ".py .js .mjs .ts .tsx .jsx .css .scss .vue .c .h .cc .cpp .hpp .cs .m .java .kt .go .rs .rb .php .pl .lua"
    " .r .jl .swift .scala .dart .hs .ml .clj .ex .erl .sh .bash .zsh .ps1 .bat .sql .asm .f90 .diff .patch",
}
_SUFFIXES = {suffix: what for what, suffixes in _CODE.items() for suffix in suffixes.split()}
_PLAIN = "pandoc {file} -t plain --wrap=none -o {text}"


def refused(start: str, suffix: str) -> tuple[str, str] | None:
    """What text that begins so is instead of prose, and the command that makes prose of it."""
    start = _without_comments(start)
    if _HTML.match(start):
        return _FROM_HTML
    if start.startswith("<") and _is_markup(start, suffix):
        if _XML.match(start):
            return "XML", "xmllint --xpath 'string(/)' {file} > {text}"
        return _FROM_HTML if _HTML_TAG.search(start) else ("XML", "sed 's/<[^>]*>//g' {file} > {text}")
    subtitles = next((take for pattern, take in _SUBTITLES if pattern.match(start)), None)
    if subtitles or len(_CUES.findall(start)) > 2:
        return "a file of subtitles", subtitles or _WITHOUT_CUES
    if _PYTHON_LITERALS.match(start):
        return "a list of Python dictionaries, no JSON", _AS_JSON
    if _ASSIGNED.match(start):
        return "JSON inside a script", _JSON_ALONE
    if len(_TRANSLATIONS.findall(start)) > 2:
        return "a catalogue of translations", _TRANSLATED
    if _BASE64.match(start):
        return "Base64", "base64 -d {file} > {text}"
    return None


def noticed(start: str, suffix: str) -> tuple[str, str] | None:
    """What text that is read as it stands looks like, and the command that would make prose of it, if there is one."""
    start = start.lstrip()
    if _LATEX.search(start):
        return "LaTeX", _PLAIN.replace("{file}", "{file} -f latex")
    if _MAILBOX.match(start) or _HEADERS.match(start):
        return "mail with its headers", ""
    if record := next((name for name, pattern in _RECORDS.items() if pattern.match(start)), None):
        return record, ""
    if _TRANSCRIPT.match(start):
        return "a transcript with a time before each line", _WITHOUT_CLOCK
    if suffix in _SUFFIXES or start.startswith("#!"):
        return _SUFFIXES.get(suffix, "code"), ""
    return None


def _without_comments(start: str) -> str:
    """Without white space and comments of HTML at the beginning."""
    start = start.lstrip()
    while start.startswith("<!--") and (end := start.find("-->", 4)) >= 0:
        start = start[end + 3 :].lstrip()
    return start


def _is_markup(start: str, suffix: str) -> bool:
    """Whether text that begins with `<` is made of elements: one around all of it, or tags throughout."""
    if _XML.match(start):
        return True
    element = _ELEMENT.match(start)
    if element is None or suffix in _MARKDOWN:
        return False
    if suffix in _MARKUP or start.rstrip().endswith(f"</{element[1]}>"):
        return True
    alone = start[element.end() : element.end() + 1] in ("", "\n")
    if alone and re.search(rf"^[ \t]*</{re.escape(element[1])}>", start, re.MULTILINE):
        return True
    tags = len(_TAG.findall(start))
    return len(_CLOSING.findall(start)) > 4 and tags * _TAG_EVERY > len(start)
