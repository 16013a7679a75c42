"""What somebody wears, and their hair and skin: data only."""

from __future__ import annotations

from dataclasses import dataclass

from demo.materials import Cloth


@dataclass(frozen=True)
class Outfit:
    """Colours are sRGB "rrggbb".

    `bottom`: trousers, shorts, skirt or dress (made of the top's cloth). `sleeves`: 1 is long, 0.5 ends at the elbow.
    `coat`: how far tails reach from the hips to the knees, 0 for none. `hair_style`: short, long, bun, tail or bald.
    `hairline`: its height on the head, 0..1. `beard`: 0 (shaven) to 1. `hat`: none, cap, brim or beanie.
    `bag`: none, backpack, shoulder or hand. `build`: girth, 1 is medium.
    """

    top: Cloth
    legs: Cloth
    bottom: str = "trousers"
    sleeves: float = 1.0
    coat: float = 0.0
    shoes: str = "2a2623"
    skin: str = "c99b7d"
    hair: str = "2b1d14"
    hair_style: str = "short"
    hairline: float = 0.8
    beard: float = 0.0
    hat: str = "none"
    hat_colour: str = "8a2f2a"
    bag: str = "none"
    bag_colour: str = "5b3a21"
    build: float = 1.0
