#!/bin/sh
# bascule-engine of the Python package: the Python beside it finds torch's libraries and becomes the program.
here=$(dirname -- "$(readlink -f -- "$0")")
python=$here/python3
[ -x "$python" ] || python=python3
exec "$python" -c 'import sys; del sys.path[0]; from bascule.run_engine import main; main()' "$@"
