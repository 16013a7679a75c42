"""From light to a video frame: lens blur, vignette, tone curve, and the noise of a small sensor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.raster import Colours


class Sensor:
    """Makes frames of one size. `seed` fixes the noise of every frame and the pattern that stays in place."""

    BLUR = 1.0  # standard deviation of the lens blur, in samples of the fine grid (two a pixel)
    LUMA, CHROMA, FIXED = 1.45, 0.9, 0.35  # standard deviations of the noise, in grey levels

    def __init__(self, width: int, height: int, exposure: float, seed: int) -> None:
        self.size, self.exposure, self.seed = (width, height), exposure, seed
        x = (np.arange(width) + 0.5) / width - 0.5
        y = (np.arange(height)[:, None] + 0.5) / width - height / width / 2
        self.vignette = (1 - 0.42 * (x * x + y * y)).astype(np.float32)[..., None]
        self.fixed = np.random.default_rng([seed, 10**6]).standard_normal((height, width)).astype(np.float32)

    def expose(self, light: Colours, frame: int) -> NDArray[np.uint8]:
        """Linear light `[2h, 2w, 3]` to an RGB frame `[h, w, 3]`."""
        soft = cv2.GaussianBlur(light, (0, 0), self.BLUR)
        small = cv2.resize(soft, self.size, interpolation=cv2.INTER_AREA)
        value = small * self.vignette * np.float32(self.exposure)
        value = 1 - np.exp(-value * (1 + 0.35 * value))  # a shoulder: highlights roll off
        encoded = np.asarray(value, np.float32) ** np.float32(1 / 2.2)
        encoded = 255 * (encoded + 0.32 * encoded * (1 - encoded) * (2 * encoded - 0.92))  # a little contrast
        grey = encoded.mean(-1, keepdims=True)
        encoded = grey + 1.08 * (encoded - grey)
        return np.asarray(np.clip(np.rint(encoded + self._noise(encoded, frame)), 0, 255), np.uint8)

    def _noise(self, encoded: Colours, frame: int) -> Colours:
        """Luma noise, slightly blurred as by demosaicing, coarser chroma noise; gamma makes shadows noisier."""
        width, height = self.size
        rng = np.random.default_rng([self.seed, frame])
        luma = np.asarray(cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), 0.5), np.float32)
        luma *= self.LUMA / luma.std()
        chroma = cv2.resize(
            rng.standard_normal((height // 2, width // 2, 2), np.float32), self.size, interpolation=cv2.INTER_LINEAR
        )
        chroma *= self.CHROMA / chroma.std()
        red, blue = chroma[..., 0], chroma[..., 1]
        green = -(0.299 * red + 0.114 * blue) / 0.587  # chroma leaves luma alone
        colour = np.stack([red, green, blue], -1)
        strength = 1.25 - encoded.mean(-1, keepdims=True) / 420
        return np.asarray((luma + self.FIXED * self.fixed)[..., None] * strength + colour * strength, np.float32)
