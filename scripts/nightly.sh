#!/usr/bin/env bash
# Runs what scripts/test.sh has no time for, after it: about two hours on two cores.
#
#   scripts/nightly.sh                all stages
#   scripts/nightly.sh --stage NAME   one stage (again: one more)
#
# The whole tree under clang-tidy, all tests as the preset dev builds them and under the sanitizers, a
# minute of fuzzing a parser, 200 kills of conversions and 30 of training runs, the Python package from
# nothing, the fixtures derived again, coverage.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/stages.sh
jobs=$(nproc)
limit_seconds=5400

build() {
  cmake --preset "$1" "${@:2}"
  cmake --build "build/$1" --parallel "$jobs"
}

stage_packages() { scripts/install_packages.sh; }

# Everything compiled by clang, its warnings as errors, then every source under clang-tidy.
stage_tidy() {
  build tidy -DBASCULE_WERROR=ON
  git ls-files -- '*.cpp' | scripts/tidy.py "$jobs"
}

# Each file by itself, by g++, as who changes one builds it.
stage_dev() {
  build dev
  ctest --test-dir build/dev --parallel "$jobs" --output-on-failure --no-tests=error
}

stage_asan() {
  build asan
  ctest --test-dir build/asan --parallel "$jobs" --output-on-failure --no-tests=error
}

stage_tsan() {
  build tsan
  ctest --test-dir build/tsan --parallel "$jobs" --output-on-failure --no-tests=error
}

stage_fuzz() {
  build asan
  scripts/fuzz.sh build/asan 60
}

stage_bad_days() {
  build release
  python3 tests/bad_days/run.py --binary build/release/bascule --kills 200
}

# Training runs that are killed while they start, step and save.
stage_engine_kills() {
  scripts/python_env.sh
  build release
  build engine -DBASCULE_BUILT="$PWD/build/release"
  KILLS=30 .venv/bin/python -m pytest tests/engine/python -k kill
}

# The Python package's extension under clang-tidy, and the package made from nothing, as users make it.
stage_python() {
  build release
  scripts/python_package.sh
  printf '%s\n' python/core/*.cpp | xargs -n 1 -P "$jobs" clang-tidy -quiet -p build/python/build_env
  local fresh=build/python/fresh
  rm -rf "$fresh" build/wheel
  python3 -m venv "$fresh"
  "$fresh/bin/python" -m pip --disable-pip-version-check install --quiet . -r tests/python/requirements.txt
  "$fresh/bin/python" -m pytest tests/python
}

# The published models' names and shapes, derived again with transformers.
stage_fixtures() {
  scripts/python_env.sh
  .venv/bin/python tools/fixture.py --check
}

stage_coverage() {
  build coverage
  ctest --test-dir build/coverage --parallel "$jobs" --output-on-failure --no-tests=error
  gcovr --root . --object-directory build/coverage --filter 'src/' --filter 'cli/' \
    --exclude-unreachable-branches --exclude-throw-branches -j "$jobs" | tee build/logs/coverage.txt
}

stages=(packages tidy dev asan tsan fuzz bad_days engine_kills python fixtures coverage)
run_stages "$@"
[[ ! -f build/logs/coverage.txt ]] || tail -n 3 build/logs/coverage.txt >&2
