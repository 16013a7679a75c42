"""`vistream eval`: score finished results, or run the tracker over a dataset and score that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.options import DEFAULT_MODEL, NETWORK, Debug, MaxFrames, Model, Overwrite, Quiet, flag

DATA_HELP = "Run the tracker over this dataset: MOT, MOTS, KITTI, VisDrone, DAVIS, PoseTrack18, OTB, or the demo clips."
DETECTIONS_HELP = (
    "With --data: gt (ids forgotten), public, a detector's name; mots: gt-boxes; pose: first (frame's, carried on)."
)
FIDELITY_HELP = "With --data: exact, high, fast or float (not quantised), several by commas: a table each."
BASELINES_HELP = "With --data: also what a sceptic would try: the first mask or box held still, masks by optical flow."
OUTPUT_HELP = "With --data: keep results here; finished sequences are not run again."


def evaluate(
    gt: Annotated[
        Path | None, typer.Option(help="Ground truth: a file, or a folder of sequences.", show_default=False)
    ] = None,
    pred: Annotated[
        Path | None, typer.Option(help="Results: a file, or a folder of sequences.", show_default=False)
    ] = None,
    task: Annotated[str, typer.Option(help="mot, mots, vos, pose or sot.")] = "mot",
    first_frame: Annotated[int, typer.Option(help="Number of the first frame in MOTS text; 0 for KITTI.", min=0)] = 1,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP, show_default=False)] = None,
    detections: Annotated[str, typer.Option(help=DETECTIONS_HELP, show_default=False)] = "",
    model: Model = DEFAULT_MODEL,
    fidelity: Annotated[str, typer.Option(help=FIDELITY_HELP, rich_help_panel=NETWORK)] = "exact",
    baselines: Annotated[bool, flag("--baselines", BASELINES_HELP)] = False,
    classes: Annotated[str, typer.Option(help="--data: only these, by name: person,car.", show_default=False)] = "",
    sequences: Annotated[str, typer.Option(help="Only these, by name or glob: PETS*,TUD*.", show_default=False)] = "",
    max_frames: MaxFrames = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=OUTPUT_HELP, show_default=False)] = None,
    jobs: Annotated[int, typer.Option(help="With --data: processes, a sequence each.", min=1)] = 1,
    json: Annotated[Path | None, typer.Option(help="Write every metric as JSON.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every metric as CSV.", show_default=False)] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score finished results (--gt, --pred), or run the tracker over a dataset and score it (--data).

    Two files suffice; two folders give a row for each sequence and a combined one.

    mot: MOT text. mots: MOTS text. vos: folders of palette PNGs. pose: PoseTrack JSON. sot: OTB text.
    """
    from vistream.cli.claiming import claimed_outputs
    from vistream.cli.evaluating import DatasetOptions, check_files, evaluate_dataset_tables, evaluate_pair, report

    check_files({".json": json, ".csv": csv})
    with claimed_outputs(
        {"--json": json, "--csv": csv}, overwrite=overwrite, reads={"--gt": gt, "--pred": pred, "--model": model}
    ):
        if data is None:
            tables = [evaluate_pair(task, gt, pred, first_frame)]
        else:
            options = DatasetOptions(
                task, data, detections, model, fidelity, baselines, classes, sequences, max_frames, output, jobs
            )
            tables = evaluate_dataset_tables(options, gt, pred, quiet=quiet)
        report(tables, json, csv, quiet=quiet)
