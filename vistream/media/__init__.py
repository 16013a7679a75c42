"""Frames in and out, result files in and out."""
