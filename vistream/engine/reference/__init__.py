"""The `dense` rung: the whole frame through the integer network, every time. The reference result.

Plain torch on exact integers and the shared formula, nothing else. It shares no code with `stream` but the formula and
the functions in `ir` that define an operation's arithmetic, so that the two can prove each other.
"""

from vistream.engine.reference.dense import Dense
from vistream.engine.reference.table import REFERENCE

__all__ = ["REFERENCE", "Dense"]
