"""Where files may be put: names that clash, locks between runs, and what earlier runs wrote."""
