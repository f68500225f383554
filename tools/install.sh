#!/bin/sh
# Create the virtual environment and install exactly what requirements.lock pins.
set -eu
: "${PYTHON:?no Python 3.11 found; set PYTHON=/path/to/python3.11}" "${VENV:?}" "${EXTRAS:?}"

"$PYTHON" - <<'PY' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit(f"quant-assets needs Python 3.11 or newer, found {sys.version.split()[0]}; set PYTHON=/path/to/python3.11")
PY

[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
export PIP_DISABLE_PIP_VERSION_CHECK=1

echo "Installing quant-assets into $VENV (pinned by requirements.lock) ..."
# uv is itself pinned with hashes; its block in the lock runs to the next package.
awk '/^[a-z0-9]/ { keep = ($0 ~ /^uv==/) || ($0 ~ /^setuptools==/) } keep' requirements.lock > "$VENV/bootstrap.txt"
"$VENV/bin/pip" install --quiet --require-hashes -r "$VENV/bootstrap.txt"

if ! "$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" \
      --no-build-isolation --constraint requirements.lock --editable ".[$EXTRAS]"; then
  # Where only pip knows the way to the package index (a pip.conf mirror), pip installs the whole lock.
  echo "uv could not install; using pip" >&2
  "$VENV/bin/pip" install --quiet --require-hashes -r requirements.lock
  "$VENV/bin/pip" install --quiet --no-deps --no-build-isolation --editable .
fi
