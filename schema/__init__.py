"""The specification: JSON Schema files, edited by hand. Everything else in the project is derived from them."""
