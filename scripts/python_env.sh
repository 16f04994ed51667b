#!/bin/bash
# Makes the Python environment of the tests: .venv (torch, transformers, pytest) and .peers (the real Megatron-Core and
# Megatron Bridge, and the transformers that the latter wants). Does nothing when both are current; fails loudly when
# they cannot be made. Takes Python 3.11 and about 3.6 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'python_env: %s\n' "$*"; }
die() { printf 'python_env: error: %s\n' "$*" >&2; exit 6; }

lists=(tests/interop/requirements.txt tests/interop/peers.txt tests/interop/peers-transformers4.txt)
wanted=$(cat "$0" "${lists[@]}" | sha256sum | cut -d' ' -f1)
mkdir -p .peers
exec 9>.peers/lock
flock 9  # two runs at once: the second waits, then finds the work done

if [[ "$(cat .venv/stamp 2>/dev/null)" == "$wanted" ]]; then
  say "current"
  exit 0
fi

find_python() {
  local candidate
  for candidate in python3.11 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}
if ! python=$(find_python); then
  say "no Python 3.11 with venv here: installing python3-venv"
  [[ $(id -u) == 0 ]] || die "install Python 3.11 with its venv module (Debian: python3-venv), then run this again"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
  python=$(find_python) || die "python3 is $(python3 --version 2>&1), and these tests are pinned for 3.11"
fi

started=$SECONDS
say "installing into .venv and .peers with $python (about 2.4 GB to download)"
rm -rf .venv .peers/megatron .peers/transformers4
"$python" -m venv .venv || die "cannot create .venv"
install() { .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps "$@" || die "pip failed on $*"; }
install --no-compile -r "${lists[0]}"
say "packages of .venv installed after $((SECONDS - started)) s"
install --no-compile --target .peers/megatron -r "${lists[1]}"
install --no-compile --target .peers/transformers4 -r "${lists[2]}"

.venv/bin/python - <<'CHECK' || die "the environment was installed but does not work"
import torch, torch.distributed, torch.distributed.checkpoint, transformers, safetensors.torch, numpy, gguf, pytest
assert torch.distributed.is_gloo_available(), "torch has no gloo"
assert torch.ones(2, 2).matmul(torch.ones(2, 2)).sum() == 8
print(f"python_env: torch {torch.__version__}, transformers {transformers.__version__}")
CHECK
for peer in .peers/megatron/megatron/core .peers/megatron/megatron/bridge .peers/transformers4/transformers; do
  [[ -d $peer ]] || die "$peer is missing"
done
echo "$wanted" > .venv/stamp
say "done in $((SECONDS - started)) s, $(du -shc .venv .peers | tail -1 | cut -f1) on disk"
