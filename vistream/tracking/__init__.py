"""Similarity, assignment, Kalman filter, track life cycle: pure functions and one small state class each."""
