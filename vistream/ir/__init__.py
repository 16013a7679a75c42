"""The integer network: the table of operations, values, windows, the requantisation formula, its file."""
