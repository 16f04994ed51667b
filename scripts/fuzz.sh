#!/usr/bin/env bash
# Replays the corpus of every libFuzzer target and then looks for new inputs.
#
#   scripts/fuzz.sh BUILD_DIR SECONDS      SECONDS of search a target
#
# A crash is left in BUILD_DIR/crashes/; once fixed, it belongs into tests/fuzz/corpus/TARGET/.
set -euo pipefail
cd "$(dirname "$0")/.."
(($# == 2)) || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
build=$1 seconds=$2
mkdir -p "$build/crashes"

# A hostile file is refused within 2 s and 300 MB; the address sanitizer needs room of its own.
fuzz() {
  local target=$1 name
  name=$(basename "$target")
  local corpus=tests/fuzz/corpus/$name found=$build/corpus/$name log=$build/$name.log
  [[ -n $(ls "$corpus" 2>/dev/null) ]] || { echo "$name: no corpus in $corpus"; return 1; }
  mkdir -p "$found"
  local options=(-timeout=10 -rss_limit_mb=1024 "-artifact_prefix=$build/crashes/$name-")
  if "$target" "${options[@]}" "$corpus"/* >"$log" 2>&1 &&
    "$target" "${options[@]}" "-max_total_time=$seconds" "$found" "$corpus" >>"$log" 2>&1; then
    echo "ok     $name: $(ls "$corpus" | wc -l) inputs replayed, $(grep -oE '^Done [0-9]+ runs' "$log")"
  else
    tail -n 60 "$log"
    echo "FAILED $name: $log"
  fi
}
export -f fuzz
export build seconds

mapfile -t targets < <(find "$build/tests/fuzz" -maxdepth 1 -type f -executable -name '*_fuzz' | sort)
((${#targets[@]} > 0)) || { echo "fuzz: no targets in $build/tests/fuzz" >&2; exit 1; }
results=$(printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}')
echo "$results"
passed=$(grep -c '^ok ' <<<"$results" || true)
echo "$passed passed, $((${#targets[@]} - passed)) failed"
((passed == ${#targets[@]}))
