#!/usr/bin/env bash
# Builds the wheel of the Python package and installs it into an environment. What builds and checks it is in
# build/python/tools.
#
#   scripts/python_package.sh          on the libraries of build/release, into build/python/env, which has nothing else
#                                      but pytest
#   scripts/python_package.sh engine   with the training engine, on those of build/engine, into build/python/engine,
#                                      which sees .venv's torch; and Megatron Bridge's names (python/compat) beside it;
#                                      what runs notebooks goes to build/python/notebooks, for PYTHONPATH
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/build/python
tools=$folder/tools/bin/python
pip() { "$tools" -m pip --disable-pip-version-check "$@"; }

wanted=$(cat "$0" tests/python/tools.txt | sha256sum)
if [[ "$(cat "$folder/tools/stamp" 2>/dev/null)" != "$wanted" ]]; then
  rm -rf "$folder/tools"
  "${PYTHON:-python3}" -m venv "$folder/tools"
  pip install --quiet --no-deps -r tests/python/tools.txt
  echo "$wanted" >"$folder/tools/stamp"
fi
export PATH=$folder/tools/bin:$PATH

# wheel PYTHON NAME BUILT: the package for that Python, on the libraries of BUILT, in build/python/wheels/NAME.
wheel() {
  rm -rf "$folder/wheels/$2"
  pip --python "$1" wheel --no-build-isolation --no-deps --wheel-dir "$folder/wheels/$2" . \
    --config-settings=build-dir="$folder/build_$2" --config-settings=cmake.define.BASCULE_BUILT="$3"
}

if [[ "${1:-}" != engine ]]; then
  rm -rf "$folder/env"
  wheel "$tools" env build/release
  "$tools" -m venv --without-pip "$folder/env"
  pip --python "$folder/env/bin/python" install --quiet --no-deps "$folder"/wheels/env/*.whl \
    -r tests/python/requirements.txt
  exit
fi

# As `pip install --no-build-isolation` finds it: one environment with torch and what builds packages. The two are
# added by a file of paths, so that 2 GB need not be installed again.
env=$folder/engine
packages() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
rm -rf "$env"
.venv/bin/python -m venv --without-pip "$env"
packages "$PWD/.venv/bin/python" >"$(packages "$env/bin/python")/torch.pth"
PYTHONPATH=$(packages "$tools")
export PYTHONPATH
wheel "$env/bin/python" engine build/engine
pip --python "$env/bin/python" install --quiet --no-deps "$folder"/wheels/engine/*.whl
pip --python "$env/bin/python" install --quiet --no-deps --no-build-isolation ./python/compat

notebooks=$folder/notebooks
wanted=$(cat tests/quickstarts/notebooks.txt; "$env/bin/python" --version)
if [[ "$(cat "$notebooks/stamp" 2>/dev/null)" != "$wanted" ]]; then
  rm -rf "$notebooks"
  pip --python "$env/bin/python" install --quiet --no-deps --target "$notebooks" -r tests/quickstarts/notebooks.txt
  echo "$wanted" >"$notebooks/stamp"
fi
