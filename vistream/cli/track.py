"""`vistream track`: follow what moves through a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vistream.cli.config import Config
from vistream.cli.options import (
    AUTO_MODEL,
    COUNTING,
    OUTPUTS,
    Bits,
    Deadband,
    Debug,
    Fidelity,
    Hysteresis,
    Lines,
    MaxFrames,
    Model,
    Offline,
    Overwrite,
    Quiet,
    Scale,
    Start,
    Stride,
    StyleText,
    Zones,
    flag,
    names_in,
)
from vistream.garbage import starting

OUTPUT_HELP = (
    "The annotated video (.mp4, .mkv, .mov, .webm, .gif). "
    "If no output at all is asked for: SOURCE-tracks.mp4 in this folder."
)

SOURCES_HELP = (
    "A video file, camera index, RTSP or HTTP address, folder of images, or glob. "
    "Of several, each is tracked by a process of its own, and outputs name folders."
)
TASK_HELP = (
    "mot (boxes), mots (masks), pose (skeletons), vos (masks, from --init-mask), sot (a box, from --init-box), "
    "semseg (the class of every pixel) or panoptic (classes and things). "
    "Left out: what --init-mask, --init-box or --init-poses is for, else mot."
)
DETECTOR_HELP = (
    "auto (the best one here), motion, yolox-s, nanodet-plus-m, nanodet-g, or onnx:FILE; mots: spike2former:FILE too."
)
EVENTS_HELP = "Write what happens at lines and zones as JSON lines."
DETECTIONS_HELP = (
    "Detections made beforehand: text (MOT, MOTS, KITTI, VisDrone, CSV), JSON (COCO, PoseTrack, Label Studio), "
    "CVAT XML, or a folder of YOLO or VOC files."
)


def _file(help: str) -> Any:  # Any: as typer's own
    """An option that names a file, or folder, to be written."""
    return typer.Option(help=help, show_default=False, rich_help_panel=OUTPUTS)


def track(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help=SOURCES_HELP)],
    task: Annotated[str | None, typer.Option(help=TASK_HELP, show_default=False)] = None,
    init_mask: Annotated[
        Path | None, typer.Option(help="vos: the first frame's objects, as palette or grey PNG.", show_default=False)
    ] = None,
    init_box: Annotated[
        str | None, typer.Option(help="sot: the object in the first frame, as x,y,w,h.", show_default=False)
    ] = None,
    init_poses: Annotated[
        Path | None,
        typer.Option(help="pose: the first frame's people, as PoseTrack JSON, carried on.", show_default=False),
    ] = None,
    detections: Annotated[Path | None, typer.Option(help=DETECTIONS_HELP, show_default=False)] = None,
    detector: Annotated[str, typer.Option(help=DETECTOR_HELP)] = "auto",
    detector_size: Annotated[
        str | None,
        typer.Option(
            help="Of an ONNX detector whose input has no fixed size: the longer side, or WxH.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=OUTPUT_HELP, show_default=False, rich_help_panel=OUTPUTS),
    ] = None,
    mot_txt: Annotated[Path | None, _file("Write tracks as MOT text.")] = None,
    mots_txt: Annotated[Path | None, _file("Write masks as MOTS text.")] = None,
    davis_dir: Annotated[Path | None, _file("Write masks as palette PNGs, DIR/SEQUENCE/FRAME.png.")] = None,
    posetrack_json: Annotated[Path | None, _file("Write skeletons as PoseTrack18 JSON.")] = None,
    labels_dir: Annotated[Path | None, _file("Write class maps as palette PNGs, DIR/SEQUENCE/FRAME.png.")] = None,
    index_dir: Annotated[Path | None, _file("The same as grey PNGs, whose values are the classes' numbers.")] = None,
    panoptic_json: Annotated[
        Path | None, _file("Write segments as COCO panoptic JSON, and their pixels as PNGs beside it.")
    ] = None,
    coco_json: Annotated[Path | None, _file("Write tracks as COCO results.")] = None,
    cvat_xml: Annotated[Path | None, _file("Write tracks as CVAT's XML for video.")] = None,
    label_studio: Annotated[Path | None, _file("Write tracks as Label Studio's JSON.")] = None,
    coco_video: Annotated[Path | None, _file("Write tracks as COCO annotations of a video.")] = None,
    yolo_dir: Annotated[Path | None, _file("Write boxes with ids as YOLO text, a file a frame.")] = None,
    crops_dir: Annotated[Path | None, _file("Write the best shot of every track, DIR/ID-CLASS.jpg.")] = None,
    heat_map: Annotated[Path | None, _file("Write a picture of where objects stood.")] = None,
    jsonl: Annotated[Path | None, _file("Write a line of JSON for each frame.")] = None,
    csv: Annotated[Path | None, _file("Write a row of CSV for each track, or class, in each frame.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a page about this run, DIR/index.html.",
            metavar="DIR",
            show_default=False,
            rich_help_panel=OUTPUTS,
        ),
    ] = None,
    overwrite: Overwrite = False,
    model: Model = AUTO_MODEL,
    fidelity: Fidelity = "exact",
    deadband: Deadband = None,
    hysteresis: Hysteresis = None,
    bits: Bits = 8,
    start: Start = 0,
    max_frames: MaxFrames = None,
    stride: Stride = 1,
    classes: Annotated[str, typer.Option(help="Only these, by name: person,car.", show_default=False)] = "",
    conf: Annotated[
        str, typer.Option(help="Least score that starts a track, by class too: 0.5,car=0.3.", show_default=False)
    ] = "",
    iou: Annotated[
        float | None,
        typer.Option(
            help="Of two detections that overlap by more, the better stays (0.5).", min=0, max=1, show_default=False
        ),
    ] = None,
    min_hits: Annotated[
        int | None,
        typer.Option(
            help="Frames in which a new object must be found before it is reported (2).", min=1, show_default=False
        ),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(help="Seconds for which an object that is not seen is remembered.", min=0, show_default=False),
    ] = None,
    interpolate: Annotated[
        int,
        typer.Option(
            help="Fill gaps of up to N frames in MOT, CSV and COCO files.", metavar="N", min=0, rich_help_panel=OUTPUTS
        ),
    ] = 0,
    zero_based: Annotated[
        bool, flag("--zero-based", "Pixels of MOT text, written or read, count from 0, not from 1.")
    ] = False,
    mot_classes: Annotated[
        bool, flag("--mot-classes", "The eighth column of the MOT text is the class's number in COCO.")
    ] = False,
    work: Annotated[bool, flag("--work", "The JSON lines have the work of each layer.")] = False,
    line: Lines = None,
    zone: Zones = None,
    scale: Scale = None,
    style: StyleText = "",
    events: Annotated[Path | None, typer.Option(help=EVENTS_HELP, show_default=False, rich_help_panel=COUNTING)] = None,
    show: Annotated[bool, flag("--show", "Show the annotated video in a window; q ends it.")] = False,
    resume: Annotated[
        bool, flag("--resume", "Go on where a run with the same options was stopped; needs its --jsonl.")
    ] = False,
    no_reconnect: Annotated[bool, flag("--no-reconnect", "A camera or stream that is lost ends the run.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="How many of several sources at once. Left out: all streams; of files, one for each processor.",
            min=1,
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Workers of a Ray cluster: ray (here), ray:auto or ray://HOST:PORT.", show_default=False),
    ] = None,
    offline: Offline = False,
    config: Config = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Track the objects of a video, or say what its pixels show, and write what was found.

    Only what changed since the last frame is computed; with --fidelity exact the result is that of the whole frame.

    vistream track video.mp4 writes video-tracks.mp4; with --report DIR a page about the run, too.
    """
    with starting():
        from vistream.cli.tracking import parse_box, parse_conf, parse_size, run_and_report
        from vistream.errors import VistreamError
        from vistream.models.download import forbid_transfers
        from vistream.pipeline.fleet.jobs import sources_of
        from vistream.pipeline.output_paths import OutputPaths
        from vistream.pipeline.settings import Settings
        from vistream.pipeline.start import implied_task
        from vistream.render.style import read_style

        if offline:
            forbid_transfers()
        settings = Settings(
            task=implied_task(task, init_mask=init_mask, init_box=init_box, init_poses=init_poses),
            model=model,
            detections=detections,
            detector=detector,
            detector_size=None if detector_size is None else parse_size(detector_size),
            fidelity=fidelity,
            deadband=deadband,
            hysteresis=hysteresis,
            bits=bits,
            start=start,
            stride=stride,
            max_frames=max_frames,
            classes=names_in(classes),
            init_mask=init_mask,
            init_box=None if init_box is None else parse_box(init_box),
            init_poses=init_poses,
            conf=parse_conf(conf),
            iou=iou,
            min_hits=min_hits,
            memory=memory,
            interpolate=interpolate,
            zero_based=zero_based,
            reconnect=not no_reconnect,
            lines=tuple(line or ()),
            zones=tuple(zone or ()),
            scale=scale,
            style=read_style(style),
            work=work,
            mot_classes=mot_classes,
        )
        paths = OutputPaths(
            video=output,
            mot=mot_txt,
            mots=mots_txt,
            jsonl=jsonl,
            csv=csv,
            coco=coco_json,
            posetrack=posetrack_json,
            davis=davis_dir,
            events=events,
            cvat=cvat_xml,
            label_studio=label_studio,
            coco_video=coco_video,
            yolo=yolo_dir,
            crops=crops_dir,
            heat_map=heat_map,
            labels=labels_dir,
            index=index_dir,
            panoptic=panoptic_json,
        )
        if events is not None and not (line or zone):
            raise VistreamError("--events are what happens at lines and zones: give one with --line or --zone")
        found = sources_of(sources)
        if len(found) == 1 and cluster is None:
            run_and_report(
                found[0], settings, paths, report=report, resume=resume, overwrite=overwrite, show=show, quiet=quiet
            )
            return
        if show or report is not None:
            raise VistreamError("--show and --report are for a single source")
        from vistream.cli.many import track_many

        track_many(found, settings, paths, jobs=jobs, cluster=cluster, resume=resume, overwrite=overwrite, quiet=quiet)
