"""`Dense`, the reference executor, under the path by which scripts have always imported it.

It lives in `vistream.engine.reference`, which is where code of this package takes it from.
"""

from vistream.engine.reference import Dense

__all__ = ["Dense"]
