"""Configurations of training runs, by name."""
