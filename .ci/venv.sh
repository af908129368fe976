#!/bin/sh
# Make the virtual environment .venv with a Python that is new enough, or say in one sentence what to do.
set -eu
venv=$1

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Dripline needs Python 3.11 or newer: install it, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 1
fi

if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    exec "$python" -m venv "$venv"
fi
# Debian and Ubuntu keep ensurepip in a package of its own.
if "$python" -m virtualenv --version >/dev/null 2>&1; then
    exec "$python" -m virtualenv --quiet "$venv"
fi
if command -v virtualenv >/dev/null 2>&1; then
    exec virtualenv --quiet --python "$("$python" -c 'import sys; print(sys.executable)')" "$venv"
fi
echo "$python cannot make virtual environments: run 'sudo apt-get install python3-venv' (Debian, Ubuntu) and then make again." >&2
exit 1
