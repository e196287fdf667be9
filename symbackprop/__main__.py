"""The command line where its script is not on the path: `python -m symbackprop`."""

from __future__ import annotations

from symbackprop.cli import main

if __name__ == "__main__":
    main()
