# Sourced by the scripts beside it: makes .venv once and installs tinylm with the extras that are named in it.
#
#     extras=train,dev
#     . "$(dirname "$0")/environment.sh"
#
# Idempotent: nothing is installed again until pyproject.toml, constraints.txt or the extras change.
# PYTHON names another interpreter, VENV another folder.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    printf 'error: %s is older than Python 3.11\n\nhint: name a newer one, such as PYTHON=python3.12 %s\n' "$python" "$0" >&2
    exit 2
}
wanted=$(cat pyproject.toml constraints.txt; echo "$extras")
if [ ! -f "$venv/installed" ] || [ "$(cat "$venv/installed")" != "$wanted" ]; then
    echo "== installing tinylm[$extras] into $venv" >&2
    "$python" -m venv "$venv" || {
        printf 'error: no virtual environment could be made\n\nhint: on Debian: apt-get install python3-venv\n' >&2
        exit 2
    }
    # torch first: anything that depends on it then finds the pinned build instead of fetching another
    case ",$extras," in
        *,train,*) "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt torch ;;
    esac
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"
    printf '%s\n' "$wanted" >"$venv/installed"
fi
PATH="$PWD/$venv/bin:$PATH"
export PATH
