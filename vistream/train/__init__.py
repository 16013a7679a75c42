"""Training of networks that segment: data, losses, matching, schedule, checkpoints."""
