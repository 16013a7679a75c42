"""Calibration, batch-norm folding and the integer network: the only place where scales are decided."""
