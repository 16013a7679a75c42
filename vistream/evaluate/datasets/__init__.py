"""Datasets: their clips, and the tracker run over them."""
