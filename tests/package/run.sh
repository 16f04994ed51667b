#!/usr/bin/env bash
# Tests what `cmake --install` gives: the README's program against it, and what the binary is made of.
#
#   tests/package/run.sh BUILD_DIR
set -euo pipefail
build=$(realpath -- "${1:?usage: tests/package/run.sh BUILD_DIR}")
here=$(realpath -- "$(dirname "$0")")
work=$build/package_test prefix=$build/package_test/prefix
readme=$work/readme program=$work/readme/program.cpp
rm -rf "$work"
mkdir -p "$readme/build"
passed=0 failed=0

check() {
  if "${@:2}" >"$work/log.txt" 2>&1; then
    echo "ok     $1"
    passed=$((passed + 1))
  else
    echo "FAILED $1"
    cat "$work/log.txt"
    failed=$((failed + 1))
  fi
}

# The libraries that a program may ask the system for: glibc's and the compiler's own.
system='^(libc|libm|libstdc\+\+|libgcc_s|ld-linux-x86-64|ld-linux-aarch64)\.so\.[0-9]+$'
needs_only() {  # ALLOWED FILE
  local needed
  needed=$(readelf -d "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  echo "$2 needs: $needed"
  [[ -n $needed ]] && ! grep -vE "$1" <<<"$needed"
}
no_path_of_its_own() { ! readelf -d "$1" | grep -E 'RPATH|RUNPATH'; }
smaller_than() { (($(stat -c %s "$1") < $2)) || { stat -c '%n: %s bytes' "$1"; return 1; }; }
# What the README shows runs where a clone's build/release is, word for word; HF_DIR is there.
in_readme() { (cd "$readme" && HOME=$readme "$@"); }
converts() {
  rm -rf "$readme/CKPT_DIR"
  in_readme "$@" | tee /dev/stderr | grep -qx 'CKPT_DIR/iter_0000000: [0-9]* parameters'
}

check 'cmake --install' cmake --install "$build" --prefix "$prefix"
binary=$prefix/bin/bascule
check 'the binary runs' "$binary" --version
check 'the binary needs nothing but glibc and libstdc++' needs_only "$system" "$binary"
check 'the binary has no RPATH' no_path_of_its_own "$binary"
check 'the binary is under 8 MB' smaller_than "$binary" 8000000
library=$(find "$prefix" -name 'libbascule.so*' -type f -print -quit)
check 'the shared library needs libyaml-cpp besides' needs_only "$system|libyaml-cpp" "$library"

for header in "$prefix"/include/bascule/*.h; do
  check "$(basename "$header") compiles alone" \
    g++ -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "$prefix/include" -include "$header" -x c++ /dev/null
done

ln -s "$build" "$readme/build/release"
python3 "$here/../cli/readme.py" C++ "$readme" >"$work/readme.sh"
check "the README's lines for C++" converts bash "$work/readme.sh"

check 'find_package configures' cmake -G Ninja -S "$here" -B "$work/cmake" \
  -DPROGRAM="$program" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
check 'a program builds against it' cmake --build "$work/cmake"
check 'and runs, static' converts "$work/cmake/with_static"
check 'and runs, shared' converts "$work/cmake/with_shared"

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name bascule.pc -print -quit)")
read -ra flags <<<"$(pkg-config --cflags --libs bascule)"
check 'pkg-config gives the flags' \
  g++ -std=c++20 "$program" -o "$work/with_pkg_config" "${flags[@]}"
check 'and it runs' converts env LD_LIBRARY_PATH="$(dirname "$library")" "$work/with_pkg_config"

# Moved elsewhere, it must still work: no path of this machine is baked in.
mv "$prefix" "$prefix.moved"
check 'the package can be moved' cmake -G Ninja -S "$here" -B "$work/moved" \
  -DPROGRAM="$program" -DCMAKE_PREFIX_PATH="$prefix.moved"
check 'and is built against there' cmake --build "$work/moved" --target with_static

echo "$passed passed, $failed failed"
((failed == 0))
