"""Speed, measured honestly: one process, the same frames, the same threads, the contenders taking turns."""
