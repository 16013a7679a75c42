"""Well-known networks: what the stream gives is near what the float network gives, output by output."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from blocks import (
    Aspp,
    C2f,
    Cbam,
    ChannelAttention,
    ChannelNorm,
    ConvNeXtBlock,
    DenseLayer,
    Encoder,
    Ghost,
    InvertedResidual,
    Net,
    RepVgg,
    ShuffleUnit,
    SqueezeLinear,
    cba,
    swish,
)
from squareclip import square_frames
from torch import Tensor, nn

import vistream
from vistream.engine.reference import Dense
from vistream.ir.operations import Island, Product
from vistream.quantize.running import outputs_of
from vistream.types import Frame

SIZE = (48, 64)
MEAN, STD = 118.0, 58.0


def frames(count: int = 4) -> list[Frame]:
    return square_frames(SIZE, count)


def stem(*parts: nn.Module) -> nn.Sequential:
    """The parts behind a first convolution of 8 channels at half the size, and a last one of 4."""
    return nn.Sequential(cba(3, 8, 3, 2), *parts, nn.Conv2d(8, 4, 1))


def on(function: Callable[[Any, Tensor], Any], outputs: int = 8, **parts: nn.Module) -> Net:
    """A function of the first convolution's map."""
    return Net(lambda net, x: function(net, net.stem(x)), stem=cba(3, outputs, 3, 2), **parts)


def conv(inputs: int = 8, outputs: int = 4, kernel: int = 3, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)


def unet(net: Any, x: Tensor) -> Any:
    first = net.first(x)
    second = net.second(F.max_pool2d(first, 2))
    up = F.pad(net.up(second), (0, 0, 0, 0))
    return net.last(torch.cat([F.interpolate(net.mid(second), scale_factor=2, mode="bilinear"), up, first], 1))


def pyramid(net: Any, x: Tensor) -> Any:
    fine, middle, coarse = x, net.down(x), net.down(net.down(x))
    p4 = net.lateral(coarse)
    p3 = net.lateral(middle) + F.interpolate(p4, size=middle.shape[-2:], mode="nearest")
    p2 = net.lateral(fine) + F.interpolate(p3, size=fine.shape[-2:], mode="nearest")
    return {"p2": net.head(p2), "p3": net.head(p3), "p4": net.head(p4), "p5": F.max_pool2d(net.head(p4), 1, 2)}


def hrnet(net: Any, x: Tensor) -> Any:
    low = net.down(x)
    high = F.relu(x + F.interpolate(net.up(low), scale_factor=2))
    low = F.relu(low + net.across(x))
    return net.last(torch.cat([high, F.interpolate(low, size=high.shape[2:], mode="bilinear", align_corners=True)], 1))


def dense(net: Any, x: Tensor) -> Any:
    parts = [x]
    for layer in net.layers:
        parts.append(layer(parts))
    return net.last(F.avg_pool2d(torch.cat(parts, 1), 2))


def inception(net: Any, x: Tensor) -> Any:
    return net.last(torch.cat([net.one(x), net.wide(x), net.one(F.avg_pool2d(x, 3, 1, 1))], 1))


def retina(net: Any, x: Tensor) -> Any:
    levels = (x, net.down(x))
    scores = torch.cat([net.score(level).permute(0, 2, 3, 1).reshape(1, -1, 2) for level in levels], 1)
    return scores.sigmoid(), torch.cat([net.box(level).flatten(2).transpose(1, 2) for level in levels], 1)


def distribution(net: Any, x: Tensor) -> Any:
    """YOLOv8's head: the expectation of a distribution for each side of a box, beside the classes."""
    batch, _, height, width = x.shape
    sides = net.sides(x).view(batch, 4, 8, height * width).transpose(2, 1).softmax(1)
    expected = F.conv2d(sides, torch.arange(8.0).view(1, 8, 1, 1)).view(batch, 4, height * width)
    return torch.cat([expected, net.classes(x).view(batch, 3, -1).sigmoid()], 1)


def res2net(net: Any, x: Tensor) -> Any:
    parts = torch.split(x, 2, 1)
    kept, passed = [parts[0]], parts[1]
    for layer, part in zip(net.layers, (*parts[2:], None), strict=True):
        passed = layer(passed)
        kept.append(passed)
        passed = passed if part is None else passed + part
    return net.last(torch.cat(kept, 1) + x)


def selective(net: Any, x: Tensor) -> Any:
    left, right = net.left(x), net.right(x)
    mean = (left + right).mean((2, 3), keepdim=True)
    weights = torch.softmax(torch.stack([net.a(mean), net.b(mean)], 1), 1)
    return net.last(weights[:, 0] * left + weights[:, 1] * right)


def recurrent(net: Any, x: Tensor) -> Any:
    return net.last(net.rnn(x.mean(2).permute(0, 2, 1))[0])


def coordinates(net: Any, x: Tensor) -> Any:
    axes = (torch.linspace(-1, 1, size) for size in x.shape[2:])
    y, x_ = torch.meshgrid(*axes, indexing="ij")
    return net.first(torch.cat([x, y.expand(1, 1, -1, -1), x_.expand(1, 1, -1, -1)], 1))


def focus(net: Any, x: Tensor) -> Any:
    corners = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
    return net.first(torch.cat(corners, 1))


def gated_tokens(net: Any, x: Tensor) -> Any:
    """A product of two tensors of tokens, as a GELU that is spelt out has it in SegFormer's Mix-FFN."""
    tokens = net.a(x).flatten(2).transpose(1, 2)
    mixed = net.mix(tokens * 0.5 * (1 + torch.erf(tokens / 2**0.5)) * net.gate(tokens).sigmoid())
    return net.last(mixed.transpose(1, 2).reshape(x.shape))


def focus_of_tokens(net: Any, x: Tensor) -> Any:
    """Squares of tokens side by side as channels, as Swin merges its patches."""
    batch, channels, height, width = x.shape
    tokens = net.mix(x.flatten(2).transpose(1, 2)).relu()
    squares = tokens.transpose(1, 2).reshape(batch, channels, height // 2, 2, width // 2, 2)
    return net.first(squares.permute(0, 3, 5, 1, 2, 4).reshape(batch, 4 * channels, height // 2, width // 2))


def mixed_precision(net: Any, x: Tensor) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = net.a(x)
    return y.float()


def no_gradients(net: Any, x: Tensor) -> Any:
    with torch.inference_mode():
        return net.a(x)


def vision_transformer() -> Net:
    def forward(net: Any, x: Tensor) -> Any:
        tokens = net.encoder(net.patches(x).flatten(2).transpose(1, 2))
        return net.head(net.norm(tokens)[:, 0])

    patches, encoder = nn.Conv2d(3, 16, 16, 16), nn.Sequential(Encoder(16), Encoder(16))
    return Net(forward, patches=patches, encoder=encoder, norm=nn.LayerNorm(16), head=nn.Linear(16, 5))


def batch_norms(net: nn.Module) -> nn.Module:
    """With statistics of their own, as trained ones have."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None and module.running_mean is not None:
            module.running_var.uniform_(0.5, 1.5)
            module.running_mean.normal_(0.0, 0.2)
    return net


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ConvNeXt": lambda: nn.Sequential(nn.Conv2d(3, 8, 4, 4), ChannelNorm(8), ConvNeXtBlock(8), nn.Conv2d(8, 4, 2, 2)),
    "GhostNet": lambda: nn.Sequential(cba(3, 8, 3, 2), Ghost(8, 11), nn.Conv2d(11, 4, 1)),
    "ShuffleNet": lambda: stem(ShuffleUnit(8), ShuffleUnit(8)),
    "SENet": lambda: stem(SqueezeLinear(8)),
    "ECA": lambda: stem(ChannelAttention()),
    "CBAM": lambda: stem(Cbam(8)),
    "MobileNetV3": lambda: stem(InvertedResidual(8, nn.Hardswish, F.hardsigmoid)),
    "EfficientNet": lambda: stem(InvertedResidual(8, nn.SiLU, torch.sigmoid)),
    "DeepLab": lambda: on(lambda net, x: {"out": F.interpolate(net.last(net.aspp(x)), scale_factor=2, mode="bilinear")},
                          aspp=Aspp(8, 8), last=conv(kernel=1)),
    "UNet": lambda: on(unet, first=cba(8, 8), second=cba(8, 16), mid=cba(16, 8), up=nn.ConvTranspose2d(16, 8, 2, 2),
                       last=conv(24)),
    "FPN": lambda: on(pyramid, down=cba(8, 8, 3, 2), lateral=conv(8, 8, 1), head=conv()),
    "HRNet": lambda: on(hrnet, down=cba(8, 16, 3, 2), up=conv(16, 8, 1), across=conv(8, 16, stride=2), last=conv(24)),
    "RepVGG": lambda: stem(RepVgg(8), RepVgg(8)),
    "DenseNet": lambda: on(dense, layers=nn.ModuleList([DenseLayer(8, 4), DenseLayer(12, 4)]), last=conv(16)),
    "Inception": lambda: on(inception, one=cba(8, 8, 1), last=conv(24, 4, 1), wide=nn.Sequential(
        nn.Conv2d(8, 8, (1, 5), padding=(0, 2)), nn.ReLU(), nn.Conv2d(8, 8, (5, 1), padding=(2, 0)), nn.ReLU())),
    "RetinaNet": lambda: on(retina, down=cba(8, 8, 3, 2), score=conv(8, 2), box=conv(8, 4)),
    "YOLOv8": lambda: on(distribution, sides=nn.Sequential(C2f(8), nn.Conv2d(8, 32, 1)), classes=nn.Conv2d(8, 3, 1)),
    "Res2Net": lambda: on(res2net, layers=nn.ModuleList([cba(2, 2) for _ in range(3)]), last=conv()),
    "SKNet": lambda: on(selective, left=cba(8, 8), right=cba(8, 8, dilation=2), a=conv(8, 8, 1), b=conv(8, 8, 1),
                        last=conv()),
    "ViT": vision_transformer,
    "VGG": lambda: nn.Sequential(cba(3, 8, 3, 2), nn.AdaptiveAvgPool2d((3, 4)), nn.Flatten(), nn.Linear(96, 16),
                                 nn.ReLU(True), nn.Dropout(), nn.Linear(16, 5)),
    "AlexNet": lambda: stem(nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
    "LSTM": lambda: on(recurrent, rnn=nn.LSTM(8, 6, batch_first=True, bidirectional=True), last=nn.Linear(12, 5)),
    "GRU": lambda: on(recurrent, rnn=nn.GRU(8, 12, batch_first=True), last=nn.Linear(12, 5)),
    "embedding": lambda: on(lambda net, x: F.normalize(net.a(x).mean((2, 3)), dim=1), a=conv()),
    "heat maps": lambda: on(lambda net, x: {name: getattr(net, name)(x) for name in ("hm", "wh")}, wh=conv(8, 2),
                            hm=nn.Sequential(nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ReLU(), conv(8, 3), nn.Sigmoid())),
    "super resolution": lambda: Net(lambda net, x: F.interpolate(x, scale_factor=2, mode="bilinear")
                                    + F.pixel_shuffle(net.a(x), 2), a=conv(3, 12)),
    "BGR": lambda: Net(lambda net, x: net.a(x[:, [2, 1, 0]]), a=conv(3)),
    "luminance": lambda: Net(lambda net, x: net.a(0.3 * x[:, :1] + 0.6 * x[:, 1:2] + 0.1 * x[:, 2:]), a=conv(1)),
    "coordinates": lambda: Net(coordinates, first=cba(5, 8)),
    "focus": lambda: Net(focus, first=cba(12, 8)),
    "gated tokens": lambda: on(gated_tokens, a=conv(8, 8), mix=nn.Linear(8, 8), gate=nn.Linear(8, 8), last=conv()),
    "focus of tokens": lambda: on(focus_of_tokens, mix=nn.Linear(8, 8), first=cba(32, 8)),
    "every second": lambda: on(lambda net, x: net.a(x[..., 1::2, ::2]), a=conv()),
    "GLU": lambda: on(lambda net, x: net.a(F.glu(x, 1)), a=conv(4)),
    "gate": lambda: on(lambda net, x: net.a(F.silu(x[:, :4]) * x[:, 4:]), a=conv(4)),
    "maxout": lambda: on(lambda net, x: net.a(torch.maximum(*x.chunk(2, 1))), a=conv(4)),
    "custom gradient": lambda: on(lambda net, x: net.a(swish(x)), a=conv()),
    "relu6 in place": lambda: on(lambda net, x: net.a(x * F.relu6(x + 3.0, inplace=True) / 6.0), a=conv()),
    "selu in place": lambda: stem(conv(8, 8), nn.SELU(inplace=True)),
    "circular": lambda: stem(nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")),
    "uneven padding": lambda: on(lambda net, x: net.a(F.pad(x, (1, 2, 0, 3))), a=nn.Conv2d(8, 4, 3)),
    "grey padding": lambda: on(lambda net, x: net.a(F.pad(x, (1, 1, 1, 1), value=0.7)), a=nn.Conv2d(8, 4, 3)),
    "einsum": lambda: on(lambda net, x: torch.einsum("bchw,qc->bqhw", x, net.a.weight), a=nn.Linear(8, 5)),
    "scale 1.5": lambda: on(lambda net, x: net.a(F.interpolate(x, scale_factor=1.5, mode="bilinear")), a=conv()),
    "bicubic": lambda: on(lambda net, x: net.a(F.interpolate(x, scale_factor=2, mode="bicubic")), a=conv()),
    "autocast": lambda: on(mixed_precision, a=conv()),
    "inference mode": lambda: on(no_gradients, a=conv()),
}  # fmt: skip


def expected(network: nn.Module, frame: Frame) -> dict[str, Tensor]:
    """The float network's own outputs, float32, channels last where they are maps, without the batch."""
    with torch.no_grad():
        returned = network((torch.from_numpy(frame).permute(2, 0, 1)[None].float() - MEAN) / STD)
    tensors = {name: tensor.float() for name, tensor in outputs_of(returned).items()}
    return {name: one[0].permute(1, 2, 0) if one.dim() == 4 else one[0] for name, one in tensors.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_near_the_float_network(name: str) -> None:
    torch.manual_seed(2)
    network = batch_norms(NETWORKS[name]()).eval()
    stream = vistream.stream(network, frames()[::2], mean=MEAN, std=STD)
    reference = Dense(stream.network)
    for frame in frames():
        step, wanted, exact = stream.step(frame), expected(network, frame), reference.step(frame)
        assert list(step.outputs) == list(wanted)
        for output, readout in step.outputs.items():
            assert torch.equal(readout.levels, exact[readout.output.source])
            found = torch.from_numpy(readout.values()).reshape(wanted[output].shape)
            assert float((found - wanted[output]).norm() / wanted[output].norm()) < 0.12, output


STREAMED = (
    "SENet", "MobileNetV3", "EfficientNet", "ShuffleNet", "GhostNet", "UNet", "FPN", "HRNet", "DenseNet", "Res2Net",
    "RepVGG", "focus", "every second", "BGR", "luminance",
)  # fmt: skip


@pytest.mark.parametrize("name", STREAMED)
def test_nothing_of_it_is_an_island(name: str) -> None:
    torch.manual_seed(2)
    network = vistream.stream(NETWORKS[name]().eval(), frames()[::2], mean=MEAN, std=STD).network
    assert not [layer.name for layer in network.layers if isinstance(layer, Island)]


def test_an_island_ends_at_the_gate_that_it_computes() -> None:
    torch.manual_seed(2)
    network = vistream.stream(NETWORKS["ECA"]().eval(), frames()[::2], mean=MEAN, std=STD).network
    (island,) = (layer.name for layer in network.layers if isinstance(layer, Island))
    assert network.lay(*SIZE)[island].grid == (1, 1)
    assert any(isinstance(layer, Product) and island in layer.sources for layer in network.layers)


def test_classes_and_truth_values_are_whole_numbers() -> None:
    torch.manual_seed(2)
    network = on(lambda net, x: (net.a(x).argmax(1), net.a(x) > 0.2), a=conv()).eval()
    step = vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[1])
    for readout, wanted in zip(step.outputs.values(), expected(network, frames()[1]).values(), strict=True):
        assert float((torch.from_numpy(readout.values()).reshape(wanted.shape) == wanted).float().mean()) > 0.95


def test_an_exported_program_is_taken() -> None:
    torch.manual_seed(2)
    network = stem().eval()
    exported = torch.export.export(network, (torch.zeros(1, 3, *SIZE),)).module()
    first = vistream.stream(exported, frames(), mean=MEAN, std=STD).step(frames()[0])
    assert torch.equal(first.levels, vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0]).levels)


def test_a_network_of_two_frames_is_refused_with_what_to_do_and_taken_when_it_is_done() -> None:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = cba(6, 8)

        def forward(self, now: Tensor, before: Tensor) -> Any:
            return self.body(torch.cat([now, before], 1))

    torch.manual_seed(2)
    siamese = Siamese().eval()
    with pytest.raises(vistream.VistreamError, match=r"takes 2 inputs.*stack them to a frame of more channels"):
        vistream.stream(siamese, frames(), mean=MEAN, std=STD)
    apart = Net(lambda net, x: net.siamese(x[:, :3], x[:, 3:]), siamese=siamese).eval()
    stacked = [np.dstack(pair) for pair in zip(frames()[1:], frames(), strict=False)]
    step = vistream.stream(apart, stacked, mean=MEAN, std=STD).step(stacked[0])
    wanted = expected(apart, stacked[0])["output"]
    assert float((torch.from_numpy(step.values()) - wanted).norm() / wanted.norm()) < 0.12
