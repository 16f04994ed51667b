#!/usr/bin/env bash
# Runs every test, from nothing: installs, builds, and ends with the seconds of each stage.
#
#   scripts/test.sh                 all stages, within 60 minutes on two cores
#   scripts/test.sh --stage NAME    one stage (again: one more)
#   scripts/test.sh -k PATTERN      the tests whose names match, where a stage has names; with --stage: of that stage
#
# Logs: build/logs/. What takes longer is scripts/nightly.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/stages.sh
jobs=$(nproc)
binary=build/release/bascule

cpp_files() { git ls-files -co --exclude-standard -- '*.h' '*.cpp' '*.cu'; }

# build PRESET [-D...]: configures and builds it.
build() {
  cmake --preset "$1" "${@:2}"
  cmake --build "build/$1" --parallel "$jobs"
}

# run_ctest PRESET [ctest options]: its tests, those that match -k.
run_ctest() {
  local match=()
  ((${#pattern[@]})) && match=(-R "${pattern[1]}") || match=(--no-tests=error)
  ctest --test-dir "build/$1" --parallel "$jobs" --output-on-failure "${match[@]}" "${@:2}"
}

# run_pytest PYTHON FOLDER [pytest options]: its tests, those that match -k.
run_pytest() {
  local status=0
  "$1" -m pytest "${@:2}" "${pattern[@]}" || status=$?
  ((status == 5 && ${#pattern[@]} > 0)) || return "$status"  # 5: no test matches -k
}

stage_packages() { scripts/install_packages.sh; }

stage_format() { cpp_files | xargs -r clang-format --dry-run -Werror; }

stage_layers() { python3 tools/check_layers.py; }

stage_tools() { python3 -m unittest discover -v -s tests/tools -p '*_test.py' "${pattern[@]}"; }

# clang-tidy on what the last three commits changed; it looks into the headers that those files include.
stage_tidy() {
  cmake --preset tidy
  local base=${BASCULE_BASE:-}
  [[ -n $base ]] || base=$(git rev-list --max-count=4 HEAD | tail -1)
  git diff --name-only --diff-filter=d "$base" -- '*.cpp' | scripts/tidy.py "$jobs"
}

# Compiled by clang, its warnings as errors.
build_asan() { build asan -DBASCULE_WERROR=ON; }

# All tests in C++, and the hostile files; the programs that are tested from Python are stage_cli's.
stage_asan() {
  build_asan
  run_ctest asan -LE '^cli$'
}

stage_fuzz() {
  build_asan
  scripts/fuzz.sh build/asan "${FUZZ_SECONDS:-15}"
}

stage_tsan() {
  cmake --preset tsan
  cmake --build build/tsan --parallel "$jobs" --target threads_tests
  run_ctest tsan -L threads
}

build_release() { build release -DBASCULE_WERROR=ON; }

stage_release() {
  build_release
  tests/package/run.sh build/release
}

# The program that users run: its verbs, and that hostile files cost it little.
stage_cli() {
  build_release
  for test in tests/cli/*_test.py; do python3 "$test" "$binary" "${pattern[@]}"; done
  python3 tests/hostile/run.py --binary "$binary" "${pattern[@]}"
}

# The Python package, on what the release build compiled, in an environment of its own.
stage_python() {
  build_release
  scripts/python_package.sh
  local tools=build/python/tools/bin python=build/python/env/bin/python
  "$tools/ruff" check
  "$tools/ruff" format --check
  "$tools/mypy" --python-executable "$python" --package bascule
  "$tools/mypy" --python-executable "$python" tests/python
  run_pytest "$python" tests/python
}

stage_python_env() { scripts/python_env.sh; }

stage_interop() { run_pytest .venv/bin/python tests/interop; }

# The training engine on .venv's libtorch and the libraries of the release build.
build_engine() {
  build_release
  build engine -DBASCULE_BUILT="$PWD/build/release"
}

stage_engine() {
  build_engine
  run_ctest engine
}

# The engine as a program and from Python, against transformers, megatron-core and itself.
stage_engine_python() {
  build_engine
  run_pytest .venv/bin/python tests/engine/python --numprocesses "$jobs" --dist loadfile
}

# The Python package with the engine, on what the stage engine compiled; Megatron Bridge's names beside it; and the quick
# starts: examples/ with its notebooks, and Megatron Bridge's own, where BASCULE_QUICKSTARTS names their folder.
stage_quickstarts() {
  build_engine
  scripts/python_package.sh engine
  local tools=build/python/tools/bin python=build/python/engine/bin/python
  local check=(env MYPYPATH=python/compat "$tools/mypy" --python-executable "$python")
  "${check[@]}" --package bascule  # with torch's types; the stage python has none
  "${check[@]}" --package megatron.bridge
  "${check[@]}" tests/quickstarts
  "$tools/mypy" --python-executable "$tools/python" python/compat/backend.py  # it sees what builds
  run_pytest "$python" tests/quickstarts
}

# The quick start, twice: the second run has nothing left to write.
stage_quickstart() {
  rm -rf build/example/*.steps.json build/example/*-megatron build/example/*-huggingface
  scripts/quickstart.sh
  scripts/quickstart.sh | tee build/logs/quickstart_again.txt
  [[ $(grep -c 'done before$' build/logs/quickstart_again.txt) == 2 ]]
}

stage_smollm2() {
  .venv/bin/python tests/interop/smollm2.py \
    --gguf "$(find build/example/venv -name 'SmolLM2-135M-Instruct*.gguf' -print -quit)" \
    --converted build/example/SmolLM2-135M-Instruct \
    --exported build/example/SmolLM2-135M-Instruct-huggingface
}

# Peak resident memory, of small models and of one with 71,000 tensors.
stage_memory() { python3 tests/memory/run.py --binary "$binary" "${pattern[@]}"; }

stage_train_example() { scripts/train_example.sh; }

stage_bad_days() { python3 tests/bad_days/run.py --binary "$binary" --kills "${KILLS:-20}" "${pattern[@]}"; }

# What tools draw or list for people must be what the tree gives now.
stage_docs() {
  python3 tools/architecture.py --check
  python3 tools/cli_docs.py "$binary" --check
  python3 tools/readme_tables.py --binary "$binary" --check
  build/release/settings_reference | diff docs/settings.md -
  build/release/settings_reference --schema | diff docs/recipe.schema.json -
  build/release/settings_reference --python | diff python/bascule/settings.py -
}

# The site of the documents, where each link must lead somewhere.
stage_site() { scripts/site.sh; }

stages=(
  packages format layers tools tidy asan fuzz tsan release cli python python_env engine engine_python quickstarts
  interop quickstart smollm2 train_example memory bad_days docs site
)
pattern_stages=(tools asan cli python engine engine_python quickstarts interop memory bad_days)
run_stages "$@"
