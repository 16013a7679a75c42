"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

NETWORK, FRAMES, OUTPUTS, COUNTING = "Network", "Frames", "Outputs", "Counting"
"""Headings in `--help` for the options of commands that have many."""


def flag(name: str, help: str) -> Any:  # Any: as typer's own
    """An option that is given or not; newer typers would write that it takes a value, `<bool>`."""
    return typer.Option(name, help=help, metavar="")


class Command(TyperCommand):
    """One whose options that typer adds by itself, such as `--help`, are flags as `flag`'s are."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: of click, or of what typer has in its place
        return _flags_without_values(super().get_params(ctx))


class Group(TyperGroup):
    """As `Command`, of the program as a whole."""

    def get_params(self, ctx: Any) -> list[Any]:  # Any: of click, or of what typer has in its place
        return _flags_without_values(super().get_params(ctx))


def _flags_without_values(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A video file, camera index, RTSP or HTTP address, folder of images, or glob."
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model", help="A model's name, or a file of weights or of a calibrated network.", rich_help_panel=NETWORK
    ),
]
Fidelity = Annotated[str, typer.Option(help="exact, or with dead zones: high or fast.", rich_help_panel=NETWORK)]
Deadband = Annotated[
    int | None,
    typer.Option(
        help="Grey levels by which a pixel must move to be looked at again; else --fidelity decides.",
        min=0,
        max=255,
        rich_help_panel=NETWORK,
    ),
]
Hysteresis = Annotated[
    int | None,
    typer.Option(
        help="Extra levels by which a neuron's input must move to change it; else --fidelity decides.",
        min=0,
        max=255,
        rich_help_panel=NETWORK,
    ),
]
Bits = Annotated[
    int, typer.Option(help="semseg, panoptic: bits of a weight, 8 or 16.", metavar="N", rich_help_panel=NETWORK)
]
Start = Annotated[int, typer.Option(help="The first frame to look at, counted from 0.", min=0, rich_help_panel=FRAMES)]
MaxFrames = Annotated[int | None, typer.Option(help="Stop after this many frames.", min=1, rich_help_panel=FRAMES)]
Stride = Annotated[int, typer.Option(help="Look at every Nth frame only.", metavar="N", min=1, rich_help_panel=FRAMES)]
LINE_HELP = (
    "Count who passes a line: x1,y1,x2,y2[,name], in pixels or 0 to 1. Downwards over one from left to right is in."
)
Lines = Annotated[
    list[str] | None, typer.Option("--line", help=LINE_HELP, show_default=False, rich_help_panel=COUNTING)
]
ZONE_HELP = "Count who enters and leaves a polygon, and for how long: x1,y1,x2,y2,x3,y3,...[,name]."
Zones = Annotated[
    list[str] | None, typer.Option("--zone", help=ZONE_HELP, show_default=False, rich_help_panel=COUNTING)
]
Quiet = Annotated[bool, flag("--quiet", "Print nothing but warnings and errors.")]
Debug = Annotated[bool, flag("--debug", "Show the traceback of an error.")]
SCALE_HELP = (
    "Metres a pixel, or x1,y1,x2,y2,x3,y3,x4,y4,width,height: corners, in pixels, and sides, in metres, of a "
    "rectangle on the ground. Gives speeds; for fixed cameras."
)
STYLE_HELP = "Of the video: line=PIXELS, labels=off, trails=off, map=off, sound=off, blur=faces or blur=CLASS+CLASS."
Scale = Annotated[str | None, typer.Option(help=SCALE_HELP, show_default=False, rich_help_panel=COUNTING)]
StyleText = Annotated[str, typer.Option("--style", help=STYLE_HELP, show_default=False)]
Offline = Annotated[bool, flag("--offline", "Fetch no weights; HF_HUB_OFFLINE=1 says the same.")]
Overwrite = Annotated[
    bool, flag("--overwrite", "Replace files that are there already and are not of an earlier run, too.")
]

AUTO_MODEL = "auto"  # the one of each task that comes with the package, as pipeline.session has it
DEFAULT_MODEL = "efficientnet-lite0"  # as quantize.named has it, which takes seconds to import


def names_in(text: str) -> tuple[str, ...]:
    """The names in an option that takes several, separated by commas.

    >>> names_in("person, car,")
    ('person', 'car')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())
