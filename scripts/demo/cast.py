"""Who walks where in each clip: bodies, outfits and ways. The only place to change what the clips show."""

from __future__ import annotations

from dataclasses import dataclass

from demo.gait import Body, Path
from demo.materials import Cloth
from demo.outfit import Outfit


@dataclass(frozen=True)
class Walker:
    """One person of a clip; `id` counts from 1 and stays with them when they leave and come back."""

    id: int
    body: Body
    outfit: Outfit
    path: Path


@dataclass(frozen=True)
class Clip:
    """A film to shoot. `turn`: yaw in radians at the first and at the last frame; `seed` for all that is random in it.

    `decoys`: where (X, Y) things stand that a detector may take for a person.
    """

    name: str
    frames: int
    size: tuple[int, int]
    focal: float
    position: tuple[float, float, float]
    pitch: float
    turn: tuple[float, float]
    seed: int
    decoys: tuple[tuple[float, float], ...]
    walkers: tuple[Walker, ...]


def _way(speed: float, *points: tuple[float, float], waits: tuple[tuple[float, float], ...] = ()) -> Path:
    return Path(points, speed, waits)


_SAILOR = Outfit(
    Cloth("e6e2d6", "27406e", "hoops", 0.11, 1),
    Cloth("39414f", seed=2),
    hair="3a2414",
    bag="backpack",
    bag_colour="7a5a2e",
    sleeves=0.45,
    shoes="d9d5cc",
    hairline=0.79,
)
_RED_COAT = Outfit(
    Cloth("a32f2b", seed=3, opening=0.45, inner="2b2a2e"),
    Cloth("23252b", seed=4),
    coat=0.85,
    hair_style="long",
    hair="7a4a22",
    shoes="3b2318",
    skin="dcb093",
    build=0.92,
)
_DOTS = Outfit(
    Cloth("dcb43c", "2f5d50", "dots", 0.10, 5),
    Cloth("dcb43c"),
    bottom="dress",
    sleeves=0.4,
    hair="1c1412",
    hair_style="bun",
    shoes="b23a48",
    skin="a8704e",
    bag="hand",
    bag_colour="4b5d68",
    build=0.9,
)
_CHECKS = Outfit(
    Cloth("3f6a4a", "dcd9c9", "checks", 0.11, 6),
    Cloth("8a7a5c", seed=8),
    bottom="shorts",
    hat="cap",
    hat_colour="2c4a7c",
    beard=0.8,
    sleeves=0.5,
    shoes="e2ded6",
    skin="d0a080",
    hair="5a3a20",
    build=1.1,
)
_HATTED = Outfit(
    Cloth("4d5563", seed=9, opening=0.3, inner="dfe4ea"),
    Cloth("2b2f3a", seed=2),
    hat="brim",
    hat_colour="5a4a3a",
    bag="shoulder",
    bag_colour="6a3d22",
    skin="7a4e36",
    hair="171210",
    coat=0.25,
    build=1.05,
)
_CHILD = Outfit(
    Cloth("e2763a", "f3e6c8", "band", 0.55, 10),
    Cloth("3c6a9a", seed=12),
    hat="beanie",
    hat_colour="7a3f8a",
    shoes="d8443c",
    skin="e0b596",
    hair="a5773c",
    bag="backpack",
    bag_colour="2f8a7a",
    build=0.95,
)
_SKIRT = Outfit(
    Cloth("c9d3d8", seed=13),
    Cloth("5a2f55", "8f5a86", "stripes", 12, 14),
    bottom="skirt",
    sleeves=1.0,
    hair="c79a52",
    hair_style="tail",
    shoes="2a2225",
    skin="e2b99c",
    bag="shoulder",
    bag_colour="b0843c",
    build=0.9,
)
_JOGGER = Outfit(
    Cloth("1f7f86", "e8f0ee", "block", 0.72, 15),
    Cloth("1d1f24", seed=16),
    sleeves=0.4,
    hair="1a1412",
    shoes="e8d23c",
    skin="8d5c40",
    hairline=0.83,
)
_SUIT = Outfit(
    Cloth("39393f", seed=17, opening=0.28, inner="e9ecef"),
    Cloth("39393f", seed=18),
    hair_style="bald",
    beard=0.5,
    hair="6b6460",
    coat=0.18,
    shoes="1a1412",
    skin="d8a98a",
    bag="hand",
    bag_colour="3a2416",
    build=1.12,
)
_PINK = Outfit(
    Cloth("d46a86", "f4dfe4", "stripes", 14, 19),
    Cloth("46536b", seed=20),
    hair="2a1a12",
    hair_style="long",
    shoes="efe9e2",
    skin="c08a66",
    sleeves=0.5,
    build=0.9,
    bag="backpack",
    bag_colour="3a3f6b",
)
_GREEN = Outfit(
    Cloth("5d6b34", "3f4a24", "block", 0.6, 21),
    Cloth("6b5138", seed=22),
    hat="beanie",
    hat_colour="a33b2f",
    beard=0.7,
    hair="3a2a1c",
    shoes="4a2f1c",
    skin="cf9f80",
    build=1.08,
)

PLAZA_STATIC = Clip(
    "plaza_static",
    240,
    (640, 384),
    600.0,
    (0.0, 0.0, 2.6),
    0.14,
    (0.0, 0.0),
    20240,
    ((1.35, 9.6), (-3.7, 12.4), (-4.75, 11.3), (-6.9, 15.8)),
    (
        # Leaves to the right after two seconds, turns round out of sight and comes back: the same identity.
        Walker(
            1,
            Body(1.81, 0.1),
            _SAILOR,
            _way(1.42, (-0.6, 8.3), (2.4, 8.4), (5.4, 8.4), (6.3, 7.4), (5.2, 6.5), (1.5, 6.25), (-6.0, 6.3)),
        ),
        # Crosses behind the lamp and in front of the kiosk.
        Walker(
            2,
            Body(1.70, 0.45, arms="hands"),
            _RED_COAT,
            _way(1.30, (7.4, 11.2), (3.0, 10.9), (-2.0, 10.4), (-7.5, 10.2)),
        ),
        # Comes out of the side street towards the camera, passing behind the kiosk's awning.
        Walker(
            3,
            Body(1.66, 0.7, carry=("right_hand",)),
            _DOTS,
            _way(1.38, (5.6, 19.5), (4.9, 16.4), (2.6, 13.2), (0.4, 9.0), (-0.3, 5.2)),
        ),
        # Stands with a telephone, then walks off to the left, behind the planter.
        Walker(
            4,
            Body(1.78, 0.2, arms="phone"),
            _CHECKS,
            _way(1.15, (0.75, 12.6), (-1.0, 11.4), (-2.3, 9.3), (-5.6, 8.2), waits=((-1.0, 4.6),)),
        ),
        # A pair, side by side, behind the advertising column.
        Walker(5, Body(1.83, 0.0), _HATTED, _way(1.22, (-8.2, 14.6), (-3.0, 14.4), (2.0, 13.0), (8.0, 12.6))),
        Walker(
            6,
            Body(1.22, 0.3, head_scale=1.22),
            _CHILD,
            _way(1.22, (-8.1, 13.9), (-3.0, 13.7), (2.0, 12.3), (8.0, 11.9)),
        ),
        # Hurries through the background, behind the kiosk and the column; leaves on the left and returns farther back.
        Walker(
            7,
            Body(1.76, 0.6),
            _JOGGER,
            _way(2.5, (7.6, 17.0), (0.0, 16.6), (-9.0, 16.9), (-10.5, 17.6), (-9.0, 18.2), (4.0, 18.0)),
        ),
        # Walks away from the camera.
        Walker(8, Body(1.68, 0.85), _SKIRT, _way(1.34, (-3.4, 5.6), (-0.2, 7.6), (1.9, 12.0), (3.9, 19.0))),
    ),
)

PLAZA_PAN = Clip(
    "plaza_pan",
    225,
    (640, 384),
    600.0,
    (0.0, 0.0, 2.6),
    0.14,
    (-0.26, 0.26),
    20250,
    ((0.9, 9.4), (6.2, 12.6), (10.1, 14.6), (3.6, 17.4)),
    (
        # Walks with the camera.
        Walker(
            1,
            Body(1.80, 0.1, carry=("right_hand",)),
            _SUIT,
            _way(1.12, (-3.4, 7.6), (0.0, 7.7), (4.5, 7.5), (9.0, 7.6)),
        ),
        # Walks against the turn and leaves on the left; the camera does not come back for her.
        Walker(2, Body(1.69, 0.5), _PINK, _way(1.25, (3.6, 10.8), (0.0, 11.0), (-5.2, 11.0), (-9.0, 11.2))),
        # Comes from the left edge behind the kiosk and crosses the whole place.
        Walker(
            3,
            Body(1.77, 0.3, arms="hands"),
            _GREEN,
            _way(1.55, (-8.6, 14.6), (-4.0, 14.8), (1.0, 13.0), (6.0, 10.6), (10.0, 10.2)),
        ),
        # Out of the side street, past the planter, towards the camera, then to the right.
        Walker(4, Body(1.64, 0.8), _SKIRT, _way(1.32, (-2.2, 20.5), (-0.6, 15.0), (1.8, 11.2), (4.2, 9.6), (7.5, 9.4))),
        # Outruns the camera, turns round out of its sight and is met again.
        Walker(
            5,
            Body(1.84, 0.6),
            _SAILOR,
            _way(1.85, (-2.4, 9.9), (2.0, 9.9), (6.4, 9.9), (8.0, 10.5), (6.6, 11.3), (1.0, 11.9)),
        ),
        # Comes into view only when the camera gets there.
        Walker(
            6, Body(1.25, 0.2, head_scale=1.2), _CHILD, _way(1.05, (9.8, 11.4), (5.4, 11.2), (1.5, 12.0), (-4.0, 12.4))
        ),
    ),
)

CLIPS = (PLAZA_STATIC, PLAZA_PAN)
