"""The kernels of the stream in plain torch, one for each operation: what faster ones are held to, and stand in for.

They work on plain tensors: views `[H, W, C]` of the sources and of the output, which need not be contiguous, and
`index`, int64 positions in the flattened `[H * W]` grid of the output. Only a few keep anything from call to call.
"""

from vistream.engine.stream.twin.table import TWINS, make_twin
from vistream.engine.stream.twin.twin import Twin

__all__ = ["TWINS", "Twin", "make_twin"]
