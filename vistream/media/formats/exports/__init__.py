"""Tracks in the forms of labelling tools and of those who train detectors."""
