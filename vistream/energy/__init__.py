"""Counts, cost models and the report. It sees numbers only, never the tensors of a network."""
