# Sourced by the scripts beside it: makes .venv once and installs tinylm with all that training and testing need.
#
#     . "$(dirname "$0")/environment.sh"
#
# Idempotent: nothing is installed again until pyproject.toml or constraints.txt change.
# PYTHON names another interpreter, VENV another folder.
#
# TORCH_INDEX_URL names a package index for torch alone. On Linux x86-64 the usual index has torch with CUDA: several GB
# that only a machine with such a GPU makes use of. PyTorch has an index of CPU wheels, too; its address is on PyTorch's
# own installation page:
#
#     TORCH_INDEX_URL=https://... scripts/demo

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
    # Not --quiet: a minute without a word looks like a standstill. What pip says is progress, so it goes to stderr.
    pip_install() { "$venv/bin/python" -m pip install --disable-pip-version-check -c constraints.txt "$@" >&2; }
    # torch first: anything that depends on it then finds the pinned build instead of fetching another
    pip_install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} torch
    pip_install -e '.[train,dev]'
    idle=$("$venv/bin/python" -c \
        'import torch; print("CUDA" if torch.version.cuda and not torch.cuda.is_available() else "")')
    if [ -n "$idle" ]; then
        cat >&2 <<TEXT
warning: this torch was built for CUDA and this machine has no such GPU: it works, but fills $venv with several GB

hint: set TORCH_INDEX_URL to PyTorch's index of CPU wheels, remove $venv and run $0 again
TEXT
    fi
    printf '%s\n' "$wanted" >"$venv/installed"
fi
PATH="$(cd "$venv" && pwd)/bin:$PATH"
export PATH
