"""The program bascule-engine of an installed package, which needs to be told where torch is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bascule.errors import Error
from bascule.extension import torch_of_the_engine
from bascule.torch_libraries import torch_libraries

_PROGRAM = Path(__file__).parent / "libexec" / "bascule-engine"


def main() -> None:
    """Becomes the program, with this process's arguments. It asks this Python about tokenizers."""
    try:
        libraries = torch_libraries(torch_of_the_engine())
    except Error as error:
        print(f"bascule: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    before = os.environ.get("LD_LIBRARY_PATH")
    environment = {"BASCULE_PYTHON": sys.executable} | os.environ
    environment["LD_LIBRARY_PATH"] = f"{libraries}:{before}" if before else libraries
    os.execve(_PROGRAM, [str(_PROGRAM), *sys.argv[1:]], environment)
