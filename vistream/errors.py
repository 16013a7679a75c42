"""The one exception that ends a command with a single clear line and exit code 2."""


class VistreamError(Exception):
    """Something the user can put right: a bad file, option or source.

    The message names the file or option, says what was wrong with it and what to do.
    """
