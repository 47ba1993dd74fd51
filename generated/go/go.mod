// Written by `python scripts/generate.py` from schema/. Do not edit.

module llem

go 1.19
