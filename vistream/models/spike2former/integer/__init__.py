"""The network as an integer network of `vistream.ir`, so that every executor takes it: dense, stream."""

from vistream.models.spike2former.integer.builder import BITS
from vistream.models.spike2former.integer.network import BLANK, OUTPUTS, integer_network, predictions

__all__ = ["BITS", "BLANK", "OUTPUTS", "integer_network", "predictions"]
