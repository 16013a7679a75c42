"""One session a task: step(frame, observations) -> Result, reset()."""
