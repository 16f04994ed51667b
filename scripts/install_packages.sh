#!/usr/bin/env bash
# Installs the Debian 12 packages that bascule needs. Quick when all are there.
#
#   scripts/install_packages.sh               everything: build, tests, nightly checks
#   scripts/install_packages.sh --build-only  what a user needs: build, and the quick start's Python
set -euo pipefail

build=(
  g++ cmake ninja-build
  nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libfmt-dev
  libxxhash-dev libdeflate-dev libmd-dev zlib1g-dev
  python3-dev python3-venv ca-certificates
)
test=(
  git ccache pkg-config libgtest-dev libgmock-dev
  clang clang-tidy clang-format libclang-rt-14-dev lld llvm
  gcovr graphviz librsvg2-bin gnuplot-nox
)

case "${1:-}" in
  --build-only) wanted=("${build[@]}") ;;
  '') wanted=("${build[@]}" "${test[@]}") ;;
  *)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    [[ $1 == --help || $1 == -h ]] && exit 0
    exit 2
    ;;
esac

if ! command -v dpkg-query apt-get >/dev/null; then
  echo "install_packages: no apt here; install the equivalents of: ${wanted[*]}" >&2
  exit 6
fi

# One query for all; a package that dpkg has never heard of is simply not in its answer.
installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
  awk '$2 == "installed" {print $1}' || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "packages: all ${#wanted[@]} are installed"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install_packages: run as root, there is no sudo: apt-get install ${missing[*]}" >&2
    exit 6
  fi
  as_root=(sudo)
fi
echo "packages: installing ${missing[*]}"
wait=(-o DPkg::Lock::Timeout=300)  # a fresh machine may be upgrading itself
"${as_root[@]}" apt-get "${wait[@]}" update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get "${wait[@]}" install -q -y --no-install-recommends "${missing[@]}"
