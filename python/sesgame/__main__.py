"""``python -m sesgame`` is the command ``sesgame``."""

import sys

from sesgame.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
