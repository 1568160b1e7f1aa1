#!/usr/bin/env bash
# Put a bundle on a device over ssh, and make it serve only if it passes there: `tinylm deploy`, from this checkout.
#
#     scripts/deploy.sh user@host [BUNDLE] [OPTIONS]     as `tinylm deploy --help` says; docs/deployment.md is the guide
set -euo pipefail
case "${1:-}" in
    -h | --help)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
        exit 0
        ;;
esac
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
PYTHONPATH=$root exec "$python" -m tinylm deploy "$@"
