"""The integer network: layers, windows, the requantisation formula, its file."""
