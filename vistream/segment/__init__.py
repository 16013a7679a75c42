"""Semantic and panoptic maps of a video: which network, how it is applied to a frame, and what comes of it."""
