"""The entry of one data-parallel process: `python -m llem.worker JOB`, started by a launcher."""

import sys
from pathlib import Path

from llem.running import print_warnings_plainly, work

if __name__ == "__main__":
    print_warnings_plainly()
    work(Path(sys.argv[1]))
