#!/usr/bin/env bash
# Builds the wheel of the Python package on the libraries of build/release and installs it into an environment that has
# nothing else but pytest: build/python/env. What builds and checks it is in build/python/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/python
tools=$folder/tools/bin/python
pip() { "$tools" -m pip --disable-pip-version-check "$@"; }

wanted=$(cat "$0" tests/python/tools.txt | sha256sum)
if [[ "$(cat "$folder/tools/stamp" 2>/dev/null)" != "$wanted" ]]; then
  rm -rf "$folder/tools"
  "${PYTHON:-python3}" -m venv "$folder/tools"
  pip install --quiet --no-deps -r tests/python/tools.txt
  echo "$wanted" >"$folder/tools/stamp"
fi

rm -rf "$folder/wheels" "$folder/env"
PATH=$PWD/$folder/tools/bin:$PATH pip wheel --no-build-isolation --no-deps --wheel-dir "$folder/wheels" . \
  --config-settings=build-dir="$folder/build" --config-settings=cmake.define.BASCULE_BUILT=build/release
"$tools" -m venv --without-pip "$folder/env"
pip --python "$folder/env/bin/python" install --quiet --no-deps "$folder"/wheels/*.whl -r tests/python/requirements.txt
