"""Overlays, activity maps, plots."""
