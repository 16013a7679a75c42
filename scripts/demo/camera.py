"""A pinhole camera that stands still and may turn: projection, rays, and the warp between two yaws.

World axes are metres: X right, Y away from the camera, Z up. Image coordinates are continuous, in pixels, with the
top-left corner of the top-left pixel at (0, 0), so that pixel (row i, column j) has its centre at (j + 1/2, i + 1/2).
Depth is the distance from the camera's centre, which does not change when the camera turns about it. No lens
distortion; what the sensor does is in `sensor`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cross(a: Floats, b: Floats) -> Floats:
    """Vector product of two vectors `[3]`: `numpy.cross` costs ten times as much on so few numbers.

    >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def unit(vector: Floats) -> Floats:
    """A vector `[n]` made one long."""
    return np.asarray(vector / max(float(np.sqrt((vector**2).sum())), 1e-9), np.float64)


@dataclass(frozen=True)
class Camera:
    """`focal` and `centre` in pixels, `position` in metres, angles in radians (`pitch` down, `yaw` to the right)."""

    width: int
    height: int
    focal: float
    centre: tuple[float, float]
    position: tuple[float, float, float]
    pitch: float
    yaw: float = 0.0

    @cached_property
    def axes(self) -> Floats:
        """Rows: the camera's right, down and forward directions in the world, `[3, 3]`."""
        sy, cy, sp, cp = np.sin(self.yaw), np.cos(self.yaw), np.sin(self.pitch), np.cos(self.pitch)
        return np.array([[cy, -sy, 0.0], [-sy * sp, -cy * sp, -cp], [sy * cp, cy * cp, -sp]])

    @cached_property
    def matrix(self) -> Floats:
        """The intrinsic matrix, `[3, 3]`."""
        return np.array([[self.focal, 0.0, self.centre[0]], [0.0, self.focal, self.centre[1]], [0.0, 0.0, 1.0]])

    def scaled(self, factor: int) -> Camera:
        """The same view on a grid `factor` times as fine."""
        cx, cy = self.centre
        return replace(
            self,
            width=self.width * factor,
            height=self.height * factor,
            focal=self.focal * factor,
            centre=(cx * factor, cy * factor),
        )

    def project(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """World points `[..., 3]` to image points `[..., 2]`, depth `[...]`, and pixels a metre `[...]` there."""
        offset = np.asarray(points, np.float64) - np.array(self.position)
        local = offset @ self.axes.T
        scale = self.focal / local[..., 2]
        image = local[..., :2] * scale[..., None] + np.array(self.centre)
        return image, np.sqrt((offset**2).sum(-1)), scale

    def rays(self, x: Floats, y: Floats) -> Floats:
        """World directions `[..., 3]` (forward part 1, not unit length) through image points x, y `[...]`."""
        right, down, forward = self.axes
        u = ((x - self.centre[0]) / self.focal)[..., None]
        v = ((y - self.centre[1]) / self.focal)[..., None]
        return np.asarray(u * right + v * down + forward, np.float64)

    def warp_from(self, wide: Camera) -> Floats:
        """Homography `[3, 3]` from this camera's image points to those of `wide`, which stands in the same place."""
        return np.asarray(wide.matrix @ wide.axes @ self.axes.T @ np.linalg.inv(self.matrix), np.float64)

    def widened(self, yaws: Floats, margin: float) -> Camera:
        """A camera at yaw 0 whose picture holds all that this one sees at the given yaws, and `margin` pixels more."""
        corners = np.array([[0, 0], [self.width, 0], [0, self.height], [self.width, self.height]], np.float64)
        straight = replace(self, yaw=0.0)
        seen = [corners]
        for yaw in yaws:
            turned = replace(self, yaw=float(yaw))
            mapped = np.c_[corners, np.ones(4)] @ turned.warp_from(straight).T
            seen.append(mapped[:, :2] / mapped[:, 2:])
        low = np.floor(np.concatenate(seen).min(0) - margin)
        high = np.ceil(np.concatenate(seen).max(0) + margin)
        size = (high - low).astype(int)
        centre = (self.centre[0] - float(low[0]), self.centre[1] - float(low[1]))
        return replace(straight, width=int(size[0]), height=int(size[1]), centre=centre)
