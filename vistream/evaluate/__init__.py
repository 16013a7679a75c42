"""Metrics as pure functions on arrays, dataset runners, result tables."""
