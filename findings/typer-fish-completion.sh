#!/usr/bin/env bash
# Typer hands fish the second line of an option's long description as a word to complete with.
#
# Packages: typer 0.29.2, rich 15.0.0. Seen on 2026-11-30.
# Behaviour: the candidates for fish are one a line, `word<Tab>description`. Typer takes line ends out of a description,
#   and then renders it with rich, which wraps it at the width of the terminal: 80 columns where none is known.
# Output seen, for an option with a description of 98 characters:
#       --whole<Tab>Check every file, and that this machine reproduces the answers that came along
#       with the bundle.
#   The second line has no word of its own: Tab offers `with the bundle.`, and types it.
# Naive guess: a description is one line, however long it is.
# What tinylm does: COLUMNS is set before descriptions are rendered (tinylm/cli/help.py).
#
# Fails when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet typer==0.29.2 rich==15.0.0
cat >"$folder/long.py" <<'PYTHON'
import typer

app = typer.Typer()


@app.command()
def main(
    whole: bool = typer.Option(
        False,
        "--whole",
        help="Check every file, and that this machine reproduces the answers that came along with the bundle.",
    ),
) -> None: ...


app(prog_name="long")
PYTHON
# offered [COLUMNS]: what fish is offered for `long --wh<Tab>`
offered() {
    env -u COLUMNS ${1:+"COLUMNS=$1"} _LONG_COMPLETE=complete_fish _TYPER_COMPLETE_ARGS="long --wh" \
        _TYPER_COMPLETE_FISH_ACTION=get-args "$folder/venv/bin/python" "$folder/long.py" </dev/null
}
printf 'one option is offered as:\n%s\n' "$(offered)"
lines=$(offered | wc -l) lines_when_wide=$(offered 10000 | wc -l)
printf 'lines: %s; with COLUMNS=10000: %s\n' "$lines" "$lines_when_wide"
[ "$lines" = 2 ] && [ "$lines_when_wide" = 1 ]
