"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A video file, camera index, RTSP or HTTP address, folder of images, or glob."
    ),
]
Model = Annotated[str, typer.Option("--model", help="A model's name, or a file of weights or of a calibrated network.")]
Fidelity = Annotated[str, typer.Option(help="exact, or with dead zones: high or fast.")]
Deadband = Annotated[
    int | None, typer.Option(help="Grey levels by which a pixel must move to be looked at again.", min=0, max=255)
]
Hysteresis = Annotated[
    int | None, typer.Option(help="Extra levels by which a neuron's input must move to change it.", min=0, max=255)
]
Start = Annotated[int, typer.Option(help="The first frame to look at, counted from 0.", min=0)]
MaxFrames = Annotated[int | None, typer.Option(help="Stop after this many frames.", min=1)]
Stride = Annotated[int, typer.Option(help="Look at every so many-th frame.", min=1)]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but warnings and errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
OutputFile = Annotated[Path | None, typer.Option(dir_okay=False, show_default=False)]

DEFAULT_MODEL = "efficientnet-lite0"  # as quantize.named has it, which takes seconds to import


def names_in(text: str) -> tuple[str, ...]:
    """The names in an option that takes several, separated by commas.

    >>> names_in("person, car,")
    ('person', 'car')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())
