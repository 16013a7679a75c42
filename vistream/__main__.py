"""`python -m vistream`: the command line, for launchers that start modules (torchrun)."""

from vistream.cli.main import run

run()
