"""`read_any`: detections from a file or a folder, whatever their form; it is recognised by what is inside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vistream.errors import VistreamError
from vistream.media.formats.coco import read_coco
from vistream.media.formats.delimited import Columns, read_columns
from vistream.media.formats.detections.cvat import is_cvat, read_cvat
from vistream.media.formats.detections.footage import LABEL, NOTHING_KNOWN, Detected, Footage, by_frame, in_frame
from vistream.media.formats.detections.headed import read_headed
from vistream.media.formats.detections.labelme import is_labelme, read_labelme
from vistream.media.formats.detections.labelstudio import is_label_studio, read_label_studio
from vistream.media.formats.detections.numbering import frames_of
from vistream.media.formats.detections.records import has_records, read_records
from vistream.media.formats.detections.results import read_run
from vistream.media.formats.detections.voc import ROOT, read_voc
from vistream.media.formats.detections.xmltree import read_xml
from vistream.media.formats.detections.yolo import NAME_LISTS, class_names, is_yolo, read_yolo, yolo_columns
from vistream.media.formats.kitti import is_kitti, is_kitti_image, read_kitti
from vistream.media.formats.mot import read_detections
from vistream.media.formats.mots import is_mots, read_mots_detections
from vistream.media.formats.text import read_json
from vistream.media.formats.visdrone import is_visdrone, is_visdrone_image, visdrone_detections, visdrone_image
from vistream.types import Observations

log = logging.getLogger("vistream")

KNOWN = (
    "MOT, MOTS, KITTI or VisDrone text, text with a line of column names, COCO, Label Studio or vistream JSON, "
    "CVAT XML, or a folder of YOLO, KITTI, VisDrone, VOC or LabelMe files, one an image"
)
UNREAD = {
    (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz"): "is packed: unpack it, and give what is inside",
    (".xlsx", ".xls", ".ods"): "is a spreadsheet: save it as CSV",
    (".parquet", ".feather", ".arrow", ".h5", ".hdf5"): "is a binary table: save it as CSV, such as by pandas' to_csv",
    (".npy", ".npz", ".mat"): "holds bare arrays: save them as MOT text, frame,-1,left,top,width,height,score",
    (".pkl", ".pickle", ".pt", ".pth"): "is pickled Python, which is not loaded from anywhere: save it as CSV or JSON",
}
"""Endings of files that hold detections in a way that is not read, and what to do."""
WHOLE = (
    *("det/det.txt", "det.txt", "gt/gt.txt", "gt.txt", "annotations.xml", "result.json"),
    *("annotations/instances_default.json", "_annotations.coco.json"),
)
"""Files of a whole video in a folder: MOTChallenge's, and those that CVAT, Label Studio and Roboflow export."""
INSIDE = ("labels", "label_2", "label_02", "obj_train_data", "annotations", "Annotations", "data", "train")
"""Folders in which an exported folder keeps its files."""


def read_any(path: Path, footage: Footage = NOTHING_KNOWN, label: str = LABEL) -> Mapping[int, Observations]:
    """Detections by frame, from 0. `label`: of forms that have no classes.

    Raises VistreamError where the form is not known, or something in it is wrong, with the place named.
    """
    if path.is_dir():
        whole = next((path / name for name in WHOLE if (path / name).is_file()), None)
        return _placed(_folder(path, footage), footage, path) if whole is None else read_any(whole, footage, label)
    readers: dict[str, Callable[[], Mapping[int, Observations]]] = {
        ".json": lambda: _json(path, read_json(path), footage),
        ".jsonl": lambda: read_run(path),
        ".xml": lambda: _xml(path, footage),
    }
    for endings, advice in UNREAD.items():
        if path.suffix.lower() in endings and path.is_file():
            raise VistreamError(f"{path} {advice}")
    return readers.get(path.suffix.lower(), lambda: _text(path, footage, label))()


def _placed(found: Iterable[Detected], footage: Footage, path: Path) -> dict[int, Observations]:
    """By frame, in its pixels."""
    return by_frame(in_frame(found, footage, str(path)))


def _json(path: Path, value: Any, footage: Footage) -> Mapping[int, Observations]:
    if is_label_studio(value):
        return by_frame(read_label_studio(path, value, footage))
    if is_labelme(value):
        frames = frames_of([path.name], footage, str(path))
        return _placed((one for frame in frames.values() for one in read_labelme(path, value, frame)), footage, path)
    if has_records(value):
        return by_frame(read_records(path, value, footage))
    return read_coco(path, footage=footage, value=value)


def _xml(path: Path, footage: Footage) -> Mapping[int, Observations]:
    root = read_xml(path)
    if is_cvat(root):
        return _placed(read_cvat(path, root, footage), footage, path)
    if root.tag == ROOT:
        frames = frames_of([path.name], footage, str(path))
        return _placed((one for frame in frames.values() for one in read_voc(path, root, frame)), footage, path)
    raise VistreamError(f"{path} is not CVAT's XML: its root is <{root.tag}>, and has no image or track")


def _text(path: Path, footage: Footage, label: str) -> Mapping[int, Observations]:
    if path.is_file() and is_mots(path):
        return read_mots_detections(path)
    text = read_columns(path)
    if text.names is not None:
        return by_frame(read_headed(path, text, footage, label))
    if is_kitti(text):
        return by_frame(row.found for row in read_kitti(path, text) if not row.region)
    if is_visdrone(text):
        return by_frame(visdrone_detections(path, text))
    if text.separator == " " and text.width in (5, 6) and is_yolo(text):
        raise VistreamError(f"{path} is YOLO text of a single image: give the folder that holds one for each")
    return read_detections(path, label, footage, text)


def _folder(folder: Path, footage: Footage) -> Iterator[Detected]:
    files = [path for path in folder.iterdir() if path.suffix.lower() in (".txt", *MARKED) and _is_of_frame(path)]
    if not files:
        inside = next((folder / name for name in INSIDE if (folder / name).is_dir()), None)
        if inside is None:
            raise VistreamError(f"{folder} holds no file of detections: {KNOWN} can be read")
        yield from _folder(inside, footage)
        return
    frames = frames_of([path.name for path in files], footage, str(folder))
    texts = {
        path: read_columns(path) for path in sorted(files) if path.name in frames and path.suffix.lower() == ".txt"
    }
    of_image = _image_reader(folder, texts, footage)
    for path in sorted(files, key=lambda path: frames.get(path.name, -1)):
        frame = frames.get(path.name)
        if frame is None:
            continue
        marked = MARKED.get(path.suffix.lower())
        yield from of_image(path, texts[path], frame) if marked is None else marked(path, frame)


def _labelme(path: Path, frame: int) -> list[Detected]:
    value = read_json(path)
    if not is_labelme(value):
        raise VistreamError(
            f"{path} is not LabelMe's JSON of one image: if it is of a whole video, give the file itself"
        )
    return read_labelme(path, value, frame)


MARKED: dict[str, Callable[[Path, int], list[Detected]]] = {
    ".xml": lambda path, frame: read_voc(path, read_xml(path), frame),
    ".json": _labelme,
}
"""Files of one image that are no text in columns, by their ending."""


def _is_of_frame(path: Path) -> bool:
    return path.is_file() and path.name not in NAME_LISTS and not path.name.startswith((".", "train.", "val."))


OfImage = Callable[[Path, Columns, int], Iterator[Detected]]


def _image_reader(folder: Path, texts: Mapping[Path, Columns], footage: Footage) -> OfImage:
    """How the texts of a folder are to be read, by the first one that is not empty."""
    path, text = next(((path, text) for path, text in texts.items() if text.rows), (folder, None))
    if text is None or is_yolo(text):
        names = class_names(folder)
        if text is not None and not names:
            log.info("%s: no list of class names (classes.txt) beside it: classes go by their numbers", folder)
        columns = yolo_columns(texts.values(), str(folder))
        return lambda path, text, frame: read_yolo(path, text, frame, footage, names, columns)
    if is_kitti_image(text):
        return _kitti_image
    if is_visdrone_image(text):
        return lambda path, text, frame: iter(visdrone_image(path, frame, text))
    raise VistreamError(
        f"{path}, line {text.rows[0][0]} is neither YOLO text of one image (a class number and four fractions), nor "
        "KITTI's, nor VisDrone's; if it is of a whole video, give the file itself"
    )


def _kitti_image(path: Path, text: Columns, frame: int) -> Iterator[Detected]:
    return (row.found for row in read_kitti(path, text, frame) if not row.region)
