# Sourced by the scripts beside it: makes .venv once and installs tinylm with all that training and testing need.
#
#     . "$(dirname "$0")/environment.sh"
#
# Idempotent: nothing is installed again until pyproject.toml or constraints.txt change.
# PYTHON names another interpreter, VENV another folder.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    printf 'error: %s is older than Python 3.11\n\nhint: name a newer one, such as PYTHON=python3.12 %s\n' "$python" "$0" >&2
    exit 2
}
wanted=$(cat pyproject.toml constraints.txt)
if [ ! -f "$venv/installed" ] || [ "$(cat "$venv/installed")" != "$wanted" ]; then
    echo "== installing tinylm into $venv: the first time this downloads several hundred MB and takes minutes" >&2
    "$python" -m venv "$venv" || {
        printf 'error: no virtual environment could be made\n\nhint: on Debian: apt-get install python3-venv\n' >&2
        exit 2
    }
    # torch first: anything that depends on it then finds the pinned build instead of fetching another
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
    printf '%s\n' "$wanted" >"$venv/installed"
fi
PATH="$(cd "$venv" && pwd)/bin:$PATH"
export PATH
