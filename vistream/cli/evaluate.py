"""`vistream eval`: score finished results, or run the tracker over a dataset and score that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import AUTO_MODEL, NETWORK, Bits, Debug, MaxFrames, Model, Overwrite, Quiet, flag

DATA_HELP = (
    "Run over this dataset: MOT, MOTS, KITTI, VisDrone, DAVIS, PoseTrack, OTB, or the demo clips; semseg: "
    "ADE20K, Cityscapes, VOC2012, Pascal Context, COCO-Stuff, CamVid; panoptic: COCO."
)
DATASET_HELP = "semseg: whose label rules hold, where files don't tell: ade20k, pascal-context-60, camvid and so on."
WINDOW_HELP = "semseg, with --data: squares of so many pixels that slide over the picture, instead of all at once."
AUGMENT_HELP = "semseg, with --data: mean of sizes 0.5 to 1.75, mirrored too."
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
    task: Annotated[str, typer.Option(help="mot, mots, vos, pose, sot, semseg or panoptic.")] = "mot",
    first_frame: Annotated[int, typer.Option(help="Number of the first frame in MOTS text; 0 for KITTI.", min=0)] = 1,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP, show_default=False)] = None,
    detections: Annotated[str, typer.Option(help=DETECTIONS_HELP, show_default=False)] = "",
    model: Model = AUTO_MODEL,
    fidelity: Annotated[str, typer.Option(help=FIDELITY_HELP, rich_help_panel=NETWORK)] = "exact",
    bits: Bits = 8,
    dataset: Annotated[str, typer.Option(help=DATASET_HELP, show_default=False)] = "",
    window: Annotated[int | None, typer.Option(help=WINDOW_HELP, min=16, show_default=False)] = None,
    augment: Annotated[bool, flag("--augment", AUGMENT_HELP)] = False,
    baselines: Annotated[bool, flag("--baselines", BASELINES_HELP)] = False,
    classes: Annotated[str, typer.Option(help="mot, mots: only these, by name: person,car.", show_default=False)] = "",
    sequences: Annotated[str, typer.Option(help="Only these, by name or glob: PETS*,TUD*.", show_default=False)] = "",
    max_frames: MaxFrames = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=OUTPUT_HELP, show_default=False)] = None,
    jobs: Annotated[int, typer.Option(help="With --data: processes, a sequence each.", min=1)] = 1,
    json: Annotated[Path | None, typer.Option(help="Write every metric as JSON.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every metric as CSV.", show_default=False)] = None,
    config: Config = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score finished results (--gt, --pred), or run the tracker over a dataset and score it (--data).

    Two files suffice; two folders give a row for each sequence and a combined one.

    mot: MOT text. mots: MOTS text. vos, semseg: folders of palette PNGs. pose: PoseTrack JSON. sot: OTB text.

    panoptic: COCO panoptic JSON.
    """
    from vistream.cli.claiming import claimed_outputs
    from vistream.cli.evaluating import (
        DatasetOptions,
        SegmentationOptions,
        check_files,
        evaluate_dataset_tables,
        evaluate_pair,
        report,
    )

    check_files({".json": json, ".csv": csv})
    segmentation = SegmentationOptions(dataset, window, augment, bits)
    segmentation.check(task)
    options = DatasetOptions(
        *(task, detections, model, fidelity, baselines, classes, sequences, max_frames, output, jobs, first_frame)
    )
    with claimed_outputs(
        {"--json": json, "--csv": csv}, overwrite=overwrite, reads={"--gt": gt, "--pred": pred, "--model": model}
    ):
        if data is None:
            tables = [evaluate_pair(options, gt, pred, segmentation)]
        else:
            tables = evaluate_dataset_tables(options, data, gt, pred, segmentation, quiet=quiet)
        report(tables, json, csv, quiet=quiet)
