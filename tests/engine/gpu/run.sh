#!/bin/bash
# Tests the engine on this machine's GPU: kernels and models against those of the CPU, then (resume.sh) saves
# and resuming. With options of GoogleTest only the former: tests/engine/gpu/run.sh [OPTION ...]
#
# BASCULE_ENGINE_BUILD: where the preset `engine` was built (default build/engine); of it only engine_gpu_test,
# bascule-engine and bascule are needed, which may have been built on another machine.
# PYTHON: one that has torch 2.11.0 for CUDA (default: python3).
set -euo pipefail
cd "$(dirname "$0")/../../.."

program=${BASCULE_ENGINE_BUILD:-build/engine}/engine_gpu_test
if [ ! -x "$program" ]; then
  echo "$program is missing: cmake --preset engine && cmake --build build/engine --target engine_gpu_test," \
    "on a machine with nvcc" >&2
  exit 2
fi
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
LD_LIBRARY_PATH=$("${PYTHON:-python3}" python/bascule/torch_libraries.py)
export LD_LIBRARY_PATH
"$program" "$@"
[ $# -gt 0 ] || tests/engine/gpu/resume.sh
