"""The specification in other forms. Written by `python scripts/generate.py` from schema/. Do not edit."""
