"""`python -m llem` is the command line."""

from llem.start import main

main()
