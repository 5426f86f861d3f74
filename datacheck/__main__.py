"""`python -m datacheck` is the `datacheck` command."""

from datacheck.cli import main

main()
