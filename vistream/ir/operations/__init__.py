"""The table of operations: what an integer network is made of, one file a kind. docs/design.md says how to add one."""

from vistream.ir.operations.average_pool import AveragePool
from vistream.ir.operations.bilinear import Bilinear, Corners
from vistream.ir.operations.concat import Concat
from vistream.ir.operations.constant import Constant
from vistream.ir.operations.deformable_sampling import DeformableSampling
from vistream.ir.operations.input import PIXEL_ZERO, Input
from vistream.ir.operations.island import Island
from vistream.ir.operations.matrix_product import MatrixProduct, TokenSum, Transposed
from vistream.ir.operations.max_pool import MaxPool
from vistream.ir.operations.nearest import Choice, Nearest
from vistream.ir.operations.neuron import Neuron, Synapse
from vistream.ir.operations.operation import Operation
from vistream.ir.operations.pad import Edge, Pad
from vistream.ir.operations.pick_channels import PickChannels, shuffled
from vistream.ir.operations.pixel_shuffle import PixelShuffle, PixelUnshuffle
from vistream.ir.operations.product import Product
from vistream.ir.operations.rearrange import Order, Rearrange
from vistream.ir.operations.slice import Slice
from vistream.ir.operations.spatial_linear import SpatialLinear
from vistream.ir.operations.transposed_convolution import TransposedConvolution
from vistream.ir.operations.upsample import Upsample

KINDS: tuple[type[Operation], ...] = (
    Input,
    Constant,
    Neuron,
    MaxPool,
    Upsample,
    Nearest,
    Pad,
    Slice,
    Concat,
    PickChannels,
    PixelShuffle,
    PixelUnshuffle,
    Rearrange,
    AveragePool,
    TransposedConvolution,
    Bilinear,
    SpatialLinear,
    Product,
    MatrixProduct,
    TokenSum,
    DeformableSampling,
    Island,
)
OPERATIONS = {kind.__name__: kind for kind in KINDS}
"""By name, as the network's file calls them."""

__all__ = [
    "OPERATIONS",
    "PIXEL_ZERO",
    "AveragePool",
    "Bilinear",
    "Choice",
    "Concat",
    "Constant",
    "Corners",
    "DeformableSampling",
    "Edge",
    "Input",
    "Island",
    "MatrixProduct",
    "MaxPool",
    "Nearest",
    "Neuron",
    "Operation",
    "Order",
    "Pad",
    "PickChannels",
    "PixelShuffle",
    "PixelUnshuffle",
    "Product",
    "Rearrange",
    "Slice",
    "SpatialLinear",
    "Synapse",
    "TokenSum",
    "Transposed",
    "TransposedConvolution",
    "Upsample",
    "shuffled",
]
