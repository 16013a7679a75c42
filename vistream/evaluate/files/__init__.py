"""Finished result files scored against ground truth."""
