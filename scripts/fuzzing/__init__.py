"""Fuzzing of every reader: what is read (`readers`), how bytes are broken (`mutate`), a guarded process (`worker`)."""
