#!/usr/bin/env bash
# Builds the site of the documents, with the API reference: build/site, which needs no network to be read. A link that
# leads nowhere is an error.
#
#   scripts/site.sh           builds it
#   scripts/site.sh serve     shows it on http://127.0.0.1:8000 while documents change
set -euo pipefail
cd "$(dirname "$0")/.."
env=build/site_env
wanted=$(cat "$0" tools/site_requirements.txt | sha256sum)
if [[ "$(cat "$env/stamp" 2>/dev/null)" != "$wanted" ]]; then
  rm -rf "$env"
  "${PYTHON:-python3}" -m venv "$env"
  "$env/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps -r tools/site_requirements.txt
  echo "$wanted" >"$env/stamp"
fi
export NO_MKDOCS_2_WARNING=1 PATH=$PWD/$env/bin:$PATH
case "${1:-build}" in
  build)
    mkdocs build --strict
    if grep -rEo --include='*.html' '<(link|script|img|iframe)[^>]*(href|src)="?(https?:)?//[^ >]*' build/site; then
      echo "the site takes these from elsewhere" >&2
      exit 1
    fi
    ;;
  serve) exec mkdocs serve ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
