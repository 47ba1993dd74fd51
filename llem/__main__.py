"""`python -m llem` is the command line."""

from llem.cli import main

main()
