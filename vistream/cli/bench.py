"""`vistream bench`: how fast is the stream, beside what else could run this network here?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import DEFAULT_MODEL, Debug, Overwrite, Quiet, flag
from vistream.errors import VistreamError

DIRTY, SIZE = 0.05, "856x480"  # of the synthetic picture, where nothing else is asked for


def bench(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE", help="A video, folder or glob; without it a synthetic picture.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="A model's name or file; spike2former-NAME or spike2former:FILE, which segment; with random weights: "
            "resnet18, resnet50, spike2former-random."
        ),
    ] = DEFAULT_MODEL,
    frames: Annotated[int, typer.Option(help="How many frames of the source.", min=2)] = 8,
    rounds: Annotated[int, typer.Option(help="How often everyone takes a turn.", min=1)] = 8,
    dirty: Annotated[
        float | None,
        typer.Option(
            help="Without a source: share of the picture that changes, in blobs.", min=0, max=1, show_default=str(DIRTY)
        ),
    ] = None,
    size: Annotated[str | None, typer.Option(help="Without a source: its width x height.", show_default=SIZE)] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="Only this contender, such as 'OpenVINO int8'; may be repeated.", show_default=False),
    ] = None,
    pipeline: Annotated[
        bool, flag("--pipeline", "Time whole pipelines on SOURCE: detector and tracker, beside OpenVINO + ByteTrack.")
    ] = False,
    truth: Annotated[
        Path | None, typer.Option("--gt", help="With --pipeline: ground truth as MOT text.", show_default=False)
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all timings as JSON.", show_default=False)] = None,
    config: Config = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Time the float network, torch.compile, PyTorch int8, OpenVINO (if installed) and the stream in one process.

    They take turns on the same frames with the same number of threads; medians over all turns are printed.
    """
    from vistream.bench.run import CONTENDERS, bench_source
    from vistream.cli.bench_pipelines import race_and_print
    from vistream.cli.benching import blob_report, run_and_print
    from vistream.cli.claiming import claimed_outputs

    if (pipeline and source is None) or (truth is not None and not pipeline):
        raise VistreamError("--pipeline needs a SOURCE, and --gt needs --pipeline")
    if pipeline and (model != DEFAULT_MODEL or beside):
        raise VistreamError("--pipeline times whole pipelines, each with networks of its own: no --model, no --beside")
    if source is not None and (dirty is not None or size is not None):
        raise VistreamError("--dirty and --size are of the synthetic picture: they go with no SOURCE")
    chosen, share = beside or CONTENDERS, DIRTY if dirty is None else dirty
    shape = SIZE if size is None else size
    with claimed_outputs({"--json": json}, overwrite=overwrite, source=source, reads={"--model": model, "--gt": truth}):
        if pipeline and source is not None:
            race_and_print(source, frames, rounds, truth, json, quiet=quiet)
        elif source is None:
            run_and_print(
                lambda progress: blob_report(model, shape, share, frames, rounds, progress, chosen),
                json,
                quiet=quiet,
            )
        else:
            run_and_print(
                lambda progress: bench_source(model, source, frames, rounds, progress, chosen), json, quiet=quiet
            )
