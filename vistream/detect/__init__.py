"""Where observations come from: a file, motion, a network."""
