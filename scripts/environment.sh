# Sourced by the scripts beside it: makes .venv once and installs tinylm with the extras that are named.
#
#     . "$(dirname "$0")/environment.sh" train        what training needs
#     . "$(dirname "$0")/environment.sh" train dev    and what the tests need
#     . scripts/environment.sh                        by hand: what training and serving need
#
# Idempotent: nothing is installed again until pyproject.toml or constraints.txt change, or the C sources do.
# PYTHON names another interpreter, VENV another folder, TORCH_INDEX_URL a package index for torch alone. Without the
# last, installation/ chooses the build of torch that this machine can make use of.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
new_enough "$python" || {
    found=$("$python" -c 'import sys; print("is Python %d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        found='cannot be started'
    hint="install Python 3.11 or newer, and name it: PYTHON=python3.11 $0"
    for other in python3.11 python3.12 python3.13 python3.14; do
        if new_enough "$other"; then hint="this machine has a newer one: PYTHON=$other $0"; fi
    done
    printf 'error: `%s` %s; tinylm needs Python 3.11 or newer\n\nhint: %s\n' "$python" "$found" "$hint" >&2
    exit 2
}
wanted=$(cat pyproject.toml constraints.txt)
extras=("$@")
[ "${#extras[@]}" -gt 0 ] || extras=(train serve)
missing=()
for extra in "${extras[@]}"; do
    if [ ! -f "$venv/installed-$extra" ] || [ "$(cat "$venv/installed-$extra")" != "$wanted" ]; then
        missing+=("$extra")
    fi
done
if [ "${#missing[@]}" -gt 0 ]; then
    echo "== installing tinylm into $venv" >&2
    "$python" -m venv "$venv" || {
        printf 'error: no virtual environment could be made\n\nhint: on Debian: apt-get install python3-venv\n' >&2
        exit 2
    }
    "$venv/bin/python" scripts/installation "${missing[@]}" || exit
    for extra in "${missing[@]}"; do printf '%s\n' "$wanted" >"$venv/installed-$extra"; done
fi
# A C source that has changed is compiled again: by the compiler that `dev` brings, else by pip, which fetches one.
if "$venv/bin/python" -c 'import ziglang' 2>/dev/null; then
    "$venv/bin/python" -m tinylm.native.build || exit
elif ! "$venv/bin/python" -m tinylm.native.build check; then
    echo "== compiling the C library again" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e . || exit
fi
PATH="$(cd "$venv" && pwd)/bin:$PATH"
export PATH
