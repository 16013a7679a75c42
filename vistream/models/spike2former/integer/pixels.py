"""The pixel decoder as integers."""

from __future__ import annotations

from vistream.ir.operations import Bilinear, DeformableSampling, Order, PickChannels, Rearrange
from vistream.ir.target import Target
from vistream.ir.window import Window
from vistream.models.spike2former.deformable import Deformable
from vistream.models.spike2former.integer.builder import STEP, Map, Sum, bounds, convolved, same
from vistream.models.spike2former.integer.folding import sequence
from vistream.models.spike2former.integer.stages import Stage
from vistream.models.spike2former.pixel_decoder import EncoderLayer, PixelDecoder
from vistream.models.spike2former.sizes import LEVELS, TAPS

Wide = tuple[Map, ...]
SIDE = 3  # of the window


def add_pixel_decoder(
    stage: Stage, decoder: PixelDecoder, features: tuple[Map, Map, Map, Map], widths: tuple[int, ...]
) -> tuple[list[Wide], Map]:
    """What queries read at strides 16, 8 and 4, and the spikes at stride 2 that the pixel features are made of.

    `features`: the backbone's membranes, of so many channels.
    """
    builder = stage.builder
    *laterals, last = (stage.spikes_of(*each) for each in zip(features, widths, strict=True))
    into, out = sequence(decoder.encoder_in_proj), sequence(decoder.encoder_out_proj)
    embed = len(out.bias)
    z = builder.membrane("pixel_decoder.encoder_in_proj", convolved(into, last), embed)
    for number, layer in enumerate(decoder.encoder.layers):
        assert isinstance(layer, EncoderLayer)
        z = _encoded(stage, f"pixel_decoder.encoder.layers.{number}", layer, z, embed)
    most = bounds(out, stage.levels.most * stage.scale)
    total = convolved(out, stage.spikes_of(z, embed))
    y = builder.wide("pixel_decoder.encoder_out_proj", total, most, 16)  # of many terms: too few steps are used of 8
    found = [y]
    for i in reversed(range(LEVELS)):
        name = f"pixel_decoder.output_convs.{i}"
        total = convolved(sequence(decoder.lateral_convs[i]), laterals[i])
        for part in y:
            grown = _grown(stage, f"{part.name}.grown", part, features[i])
            total = total + same(grown)
        spikes = stage.spikes(f"pixel_decoder.lateral_convs.{i}", total, embed)
        conv = sequence(decoder.output_convs[i])
        if not i:
            return found, stage.fired(name, conv, spikes)
        y = builder.wide(name, convolved(conv, spikes), bounds(conv, stage.levels.most * stage.scale))
        found.append(y)
    raise AssertionError


def _grown(stage: Stage, name: str, part: Map, like: Map) -> Map:
    """As large as another map; a sum that is divided where it is read."""
    return stage.builder.add(Bilinear(name, part.name, Target(), like=like.name), part.unit)


def _encoded(stage: Stage, name: str, layer: EncoderLayer, z: Map, embed: int) -> Map:
    builder = stage.builder

    def gained(total: Sum, gamma: str) -> Sum:
        return total.gained(getattr(layer, gamma))

    total = stage.separable(f"{name}.Conv", layer.Conv, stage.spikes_of(z, embed))
    z = builder.membrane(f"{name}.Conv", same(z) + gained(total, "gamma1"), embed)
    total = _deformable(stage, f"{name}.dcn", layer.dcn, stage.spikes_of(z, embed), embed)
    z = builder.membrane(f"{name}.dcn", same(z) + gained(total, "gamma2"), embed)
    mixed = builder.membrane(f"{name}.ffn", stage.mlp(f"{name}.ffn", layer.ffn, stage.spikes_of(z, embed)), embed)
    return builder.membrane(name, same(z) + gained(same(_as_last(stage, mixed)), "gamma3"), embed)


def _deformable(stage: Stage, name: str, layer: Deformable, source: Map, embed: int) -> Sum:
    """`source`: what its first neurons, which all read the same, give."""
    builder = stage.builder
    values = builder.membrane(f"{name}.values", stage.separable(f"{name}.input_proj", layer.input_proj, source), embed)
    spikes = stage.fired(f"{name}.dw_conv", sequence(layer.dw_conv), source)
    offset = sequence(layer.offset)
    offsets = builder.real(f"{name}.offset", convolved(offset, spikes), len(offset.bias))
    weights = stage.fired(f"{name}.mask", sequence(layer.mask), spikes)
    by_rows = [SIDE * across + down for down in range(SIDE) for across in range(SIDE)]
    taps = [(group, tap) for group in range(layer.groups) for tap in by_rows]
    both = [2 * (group * TAPS + tap) + axis for group, tap in taps for axis in (1, 0)]  # y before x
    offsets = _picked(stage, _as_last(stage, offsets), tuple(both))
    weights = _picked(stage, _as_last(stage, weights), tuple(group * TAPS + tap for group, tap in taps))
    window = Window((SIDE, SIDE), padding=(1, 1))
    sampled = builder.add(
        DeformableSampling(f"{name}.sampled", values.name, offsets.name, weights.name, window, layer.groups),
        STEP * stage.scale,
    )
    return stage.separable(f"{name}.output_proj", layer.output_proj, stage.spikes_of(sampled, embed))


def _as_last(stage: Stage, source: Map) -> Map:
    """A buffer written channels first, read as if it were channels last."""
    layer = Rearrange(f"{source.name}.as_last", source.name, Order.CHANNELS_FIRST, Order.CHANNELS_LAST)
    return stage.builder.add(layer, source.unit)


def _picked(stage: Stage, source: Map, channels: tuple[int, ...]) -> Map:
    """In the order of `DeformableSampling`, whose taps go row by row; here they run down the columns."""
    return stage.builder.add(PickChannels(f"{source.name}.picked", source.name, channels), source.unit)
