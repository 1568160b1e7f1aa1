"""The docs against the code: commands parse, links resolve, tables of presets agree with the presets."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT as ROOT_COMMAND

from tinylm.settings.run import PRESETS

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TO_FILL = "(to be measured)"

_FENCE = re.compile(r"^[ \t]*```(\w*)\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LOOP = re.compile(r"\bfor (\w+) in (\S+)")
_STEP = re.compile(r"^ *(?:- )?(?:run: )?", re.MULTILINE)
_ARRAY = re.compile(r'"\$\{\w+\[@\]\}"')  # options that are there or not
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_TINYLM = re.compile(r"(?:\S*/)?tinylm")
_SHELL_ENDS = {";", "&&", "||", "|", "&", ">", "done", "do"}


@dataclass(frozen=True)
class Command:
    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _shell_lines(text: str) -> Iterator[str]:
    """Command lines of shell blocks and workflows, continued lines joined, loop variables set to their first value."""
    for language, block in _FENCE.findall(text):
        if language not in ("bash", "sh", "yaml"):
            continue
        if language == "yaml":
            block = _ARRAY.sub("", _STEP.sub("", block))
        block = block.replace("\\\n", " ")
        for variable, value in _LOOP.findall(block):
            block = block.replace(f"${variable}", value)
        yield from block.splitlines()


def _commands(page: Path, program: re.Pattern[str]) -> Iterator[Command]:
    """Calls of `program` in shell blocks and in inline code."""
    text = page.read_text(encoding="utf-8")
    for line in [*_shell_lines(text), *_INLINE.findall(_FENCE.sub("", text))]:
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.commenters, lexer.whitespace_split = "#", True
            words = list(lexer)
        except ValueError:  # no shell: an error message with an apostrophe, a formula
            continue
        # `ssh board '... tinylm ...'`: what runs there is a command too
        parts = [words, *(shlex.split(word) for word in words if " " in word and words[0] == "ssh")]
        for part in parts:
            for start, word in enumerate(part):
                if program.fullmatch(word) and (start == 0 or part[start - 1] in _SHELL_ENDS):
                    rest = part[start + 1 :]
                    end = next((i for i, other in enumerate(rest) if other in _SHELL_ENDS), len(rest))
                    yield Command(_name(page), (word, *rest[:end]))


def _parse(words: tuple[str, ...]) -> None:
    """Parse the arguments with the real command line, down to the last subcommand; nothing is run."""
    command: Any = ROOT_COMMAND
    arguments, context = list(words), None
    while True:
        group = hasattr(command, "list_commands")
        if group and not (arguments and not arguments[0].startswith("-")):
            if arguments and arguments[0] not in ("--version", "--help", "-h", "--install-completion"):
                raise ValueError(f"`{arguments[0]}` is no option of `tinylm`")
            return  # `tinylm`, `tinylm --help`, `tinylm --version`
        if not group:
            if "--help" not in arguments:
                command.make_context(command.name, arguments, parent=context)
            return
        context = context or command.make_context("tinylm", [arguments[0]])
        found = command.get_command(context, arguments[0])
        if found is None:
            raise ValueError(f"`{arguments[0]}` is no command")
        command, arguments = found, arguments[1:]


TINYLM = [command for page in PAGES for command in _commands(page, _TINYLM)]


def test_the_guides_show_every_command() -> None:
    shown = {
        " ".join(command.words[1:3] if command.words[1:2] == ("bundle",) else command.words[1:2])
        for command in TINYLM
        if command.page != "docs/commands.md"  # generated: has them all
    }
    bundle = [f"bundle {name}" for name in ROOT_COMMAND.commands["bundle"].commands]
    assert {*ROOT_COMMAND.commands, *bundle} - {"bundle"} <= shown


@pytest.mark.parametrize("command", TINYLM, ids=str)
def test_commands_parse(command: Command) -> None:
    if command.words[1:2] == ("COMMAND",):
        return
    try:
        _parse(command.words[1:])
    except Exception as error:  # typer brings its own Click: its usage errors have no public name
        pytest.fail(f"{command}: {getattr(error, 'message', error)}")


@pytest.mark.parametrize(
    "words", [("generate", "--promt", "a"), ("serves",), ("--verbose",), ("export", "--int4"), ("bundle", "sign")]
)
def test_wrong_commands_do_not_parse(words: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match=r"\S"):
        _parse(words)


def test_scripts_that_are_named_exist_and_know_their_options() -> None:
    for page in PAGES:
        for command in _commands(page, re.compile(r"scripts/[\w.]+")):
            script = ROOT / command.words[0]
            assert script.is_file(), command
            source = script.read_text(encoding="utf-8")
            for word in command.words[1:]:
                if word.startswith("--"):
                    assert word in source, command


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_resolve(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{_name(page)} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{_name(page)} links to {target}"


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=_name)
def test_modules_that_are_named_exist(page: Path) -> None:
    """`tinylm.budget.check` and `tinylm/budget/check.py`; the change log names what there was."""
    shipped = {"tinylm.budgets", "tinylm.deploy_files"}  # in a wheel: budgets/ and deploy/
    for name in _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.fullmatch(r"tinylm(\.[a-z_]\w*)+", name) and name not in shipped:
            path = ROOT / name.replace(".", "/")
            assert path.is_dir() or path.with_suffix(".py").is_file(), f"{_name(page)} names {name}"
        elif re.fullmatch(r"(tinylm|tests|scripts)/[a-z0-9_/.]+", name):
            assert (ROOT / name).exists(), f"{_name(page)} names {name}"


def _rows(page: Path) -> dict[str, list[list[str]]]:
    """The rows of a page's tables by their first cell, backquotes and marks of figures removed."""
    rows: dict[str, list[list[str]]] = {}
    for line in re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8")).splitlines():
        if line.startswith("|"):
            label, *cells = (cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
            rows.setdefault(label, []).append(cells)
    return rows


def test_the_training_guide_knows_the_presets() -> None:
    pytest.importorskip("torch", reason='counting parameters needs torch: pip install -e ".[train]"')
    import torch

    from tinylm.model import build, count_parameters

    presets = tiny, muon, classic = PRESETS["tiny"], PRESETS["tiny-muon"], PRESETS["classic"]
    rows = _rows(ROOT / "docs" / "training-guide.md")
    with torch.device("meta"):
        counts = [f"{count_parameters(build(preset.model)):,}" for preset in presets]
    assert rows["parameters"] == [counts]
    assert _rows(ROOT / "docs" / "benchmarks.md")["parameters of tiny"][0][0] == counts[0]
    for label, values in {
        "layers": [preset.model.n_layer for preset in presets],
        "d_model, width": [preset.model.d_model for preset in presets],
        "attention heads": [
            *(f"{preset.model.n_head}, with {preset.model.n_kv_head} for keys" for preset in (tiny, muon)),
            classic.model.n_head,
        ],
        "d_ff, feed-forward width": [preset.model.d_ff for preset in presets],
        "context": [f"{preset.model.context_length} tokens" for preset in presets],
        "peak learning rate": [preset.training.learning_rate for preset in presets],
        "batch size": [
            f"{preset.training.batch_size} sequences of {preset.model.context_length} " for preset in presets
        ],
        "epochs": [preset.training.epochs for preset in presets],
        "warm-up": [
            *(f"first {100 * preset.training.warmup_fraction:.0f} %" for preset in (tiny, muon)),
            "none",
        ],
        "weight decay": [preset.training.weight_decay for preset in presets],
        "gradient clipping": [tiny.training.grad_clip, muon.training.grad_clip, "none"],
    }.items():
        cells = rows[label][0]
        for cell, value in zip(cells, values, strict=True):
            assert re.match(re.escape(str(value)) + r"(?![.\d])", cell), (label, value)  # 0.1 is not 0.15
    for label, values in {
        "learning rate": [preset.training.learning_rate for preset in presets],
        "epochs, or time": [preset.training.epochs for preset in presets],
        "batch size": [preset.training.batch_size for preset in presets],
        "context": [preset.model.context_length for preset in presets],
        "d_model": [preset.model.d_model for preset in presets],
        "n_layer": [preset.model.n_layer for preset in presets],
        "n_head": [preset.model.n_head for preset in presets],
        "d_ff": [preset.model.d_ff for preset in presets],
    }.items():
        assert rows[label][-1][1:4] == [str(value) for value in values], label


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "check-budgets.svg"], ids=_name)
def test_no_paths_of_somebodys_machine(page: Path) -> None:
    found = re.findall(r"(?<![\w.~-])/(?:work|root|Users|venv|home/(?!pi\b))\S*", page.read_text(encoding="utf-8"))
    assert not found


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_figures_are_missing_only_where_they_may_be(page: Path) -> None:
    if page not in (README, ROOT / "docs" / "benchmarks.md"):
        assert TO_FILL not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_yaml_in_the_docs_is_yaml(page: Path) -> None:
    blocks = [block for language, block in _FENCE.findall(page.read_text(encoding="utf-8")) if language == "yaml"]
    if blocks:
        yaml = pytest.importorskip("yaml", reason="reading YAML needs PyYAML: pip install pyyaml")
        assert all(isinstance(yaml.safe_load(block), dict | list) for block in blocks)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_python_in_the_docs_is_python(page: Path) -> None:
    for language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            ast.parse(block)
