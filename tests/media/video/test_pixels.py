"""The pixels of an image are those that Pillow gives by itself, whatever its mode, size and place in memory."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vistream.media.video.pixels import pixels_of

MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (640, 480)])
def test_every_mode_gives_what_pillow_gives(mode: str, size: tuple[int, int]) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    image = Image.fromarray(drawn).convert(mode)
    found = pixels_of(image)
    assert np.array_equal(found, np.array(image.convert("RGB")))
    found[:] = 7  # an array of its own
    assert np.array_equal(pixels_of(image), np.array(image.convert("RGB")))


def test_an_image_of_several_blocks_of_memory_and_one_of_an_older_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    large = Image.effect_noise((3000, 3000), 90).convert("RGB")
    with pytest.raises(ValueError, match=r"block|contiguous"):
        large.__arrow_c_array__()
    assert np.array_equal(pixels_of(large), np.array(large))
    monkeypatch.delattr(Image.Image, "__arrow_c_array__")
    assert np.array_equal(pixels_of(large), np.array(large))


def test_the_memory_may_go_before_the_array() -> None:
    image = Image.effect_noise((200, 100), 90).convert("RGB")
    expected, found = np.array(image), pixels_of(image)
    image.close()
    del image
    assert np.array_equal(found, expected)
