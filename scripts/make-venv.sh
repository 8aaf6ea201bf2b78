#!/bin/sh
# Makes .venv with the given Python, or says what is missing.
set -eu
python=$1
for candidate in "$python" python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
        python=$candidate
        break
    fi
done
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    echo "voicecli needs Python 3.11, 3.12 or 3.13; $python is $("$python" --version 2>&1). Try: make PYTHON=python3.12" >&2
    exit 2
fi
if ! "$python" -m venv .venv; then
    echo "$python cannot make a virtual environment. On Debian: apt-get install -y python3-venv" >&2
    rm -rf .venv
    exit 2
fi
