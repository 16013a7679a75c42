"""The program `vistream`, also as `python -m vistream`, for launchers that start modules (torchrun).

What the command line needs takes a while to be imported: Ctrl-C ends that as quietly as what comes after it.
"""

import sys


def run() -> None:
    """Run the command line; 130 is the exit code of Ctrl-C."""
    try:
        from vistream.cli.main import run as run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
