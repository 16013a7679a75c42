"""How good results are: metrics, datasets, scored files, tables."""
