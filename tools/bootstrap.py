"""Door of `make`: find a Python that will do, then install. Every Python since 2.7 must be able to read this file."""

import os
import subprocess
import sys

JUDGE = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    with open(os.devnull, "w") as nowhere:
        for name in ("python3.13", "python3.12", "python3.11"):
            try:
                suits = subprocess.call([name, "-c", JUDGE], stdout=nowhere, stderr=nowhere) == 0
            except OSError:
                continue
            if suits:
                os.execvp(name, [name] + sys.argv)  # noqa: RUF005 - Python 2 has no [name, *sys.argv]
    sys.exit(
        "Slipstream needs Python 3.11, 3.12 or 3.13, and this is %d.%d: install one, or run make PYTHON=/its/path."
        % sys.version_info[:2]
    )

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools import install  # noqa: E402 - an old Python could not read it

sys.exit(install.main(sys.argv[1:]))
