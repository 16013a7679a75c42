"""DAVIS folders: frames as JPEG, object masks as palette PNG, lists of sequences as text.

    JPEGImages/480p/<sequence>/00000.jpg    Annotations/480p/<sequence>/00000.png    ImageSets/2017/val.txt

A label map holds 0 for background, 1..254 for objects, 255 for void; DAVIS 2016 has 0 and 255 only, 255
being the object. Pillow reads them, because OpenCV turns the palette's indices into colours. Sources:
Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.media.formats.softmask import grey_of, hardened, loses
from vistream.media.formats.text import read_lines
from vistream.media.video.picture import load_picture
from vistream.types import Result, Track

Labels = NDArray[np.uint8]

VOID = 255
_MODES = ("P", "1")
_WIDE = ("I", "F", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True, slots=True)
class DavisSequence:
    """One sequence on disk; `images` and `annotations` are in order, either may be empty."""

    name: str
    images: tuple[Path, ...]
    annotations: tuple[Path, ...]


def read_sequences(root: Path | str, split: str, year: str, resolution: str = "480p") -> list[DavisSequence]:
    """The sequences that `ImageSets/<year>/<split>.txt` names; lines are names, or, of the archive of 2016, whose
    "year" is 480p, a sequence's pairs of files: `/JPEGImages/480p/<sequence>/00000.jpg /Annotations/...`.

    Raises VistreamError where the list or a sequence's folder is missing.
    """
    root = Path(root)
    listing = root / "ImageSets" / year / f"{split}.txt"
    sequences = []
    lines = {_sequence_of(line): number for number, line in reversed(read_lines(listing))}
    for name, number in reversed(lines.items()):
        images = root / "JPEGImages" / resolution / name
        annotations = root / "Annotations" / resolution / name
        if not images.is_dir() and not annotations.is_dir():
            raise VistreamError(f"{listing}, line {number}: neither {images} nor {annotations} is a folder")
        sequences.append(DavisSequence(name, _ordered(images, "jpg"), _ordered(annotations, "png")))
    return sequences


def _sequence_of(line: str) -> str:
    """The sequence in a line of a list: all of it, or the folder of the first file in it.

    >>> _sequence_of("libby"), _sequence_of("/JPEGImages/480p/libby/00000.jpg /Annotations/480p/libby/00000.png")
    ('libby', 'libby')
    """
    first = PurePosixPath(line.split(maxsplit=1)[0])
    return first.parent.name if first.is_absolute() else line


def read_labels(path: Path | str) -> Labels:
    """One map of objects, uint8 `[H, W]`, values as they stand in the file; of a mask with soft edges 0 and 255.

    Of a picture in the colours of `palette`, their numbers. Raises VistreamError for a file that is no image, is
    broken, or holds other colours instead of labels.
    """
    return _read(path, lambda grey: hardened(grey, path), VOID)


def read_classes(path: Path | str) -> Labels:
    """One map of classes: as `read_labels`, but every number is a class, however small what it stands for.

    Raises VistreamError also for a format that changes pixels.
    """
    if loses(path):
        raise VistreamError(f"{path}: JPEG and its like change the values of labels: save them as PNG")
    return _read(path, lambda grey: grey, 1)


def _read(path: Path | str, of_grey: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], set_bit: int) -> Labels:
    """`of_grey`: the labels for grey levels; `set_bit`: that of the light pixels of a picture in one bit."""
    image = load_picture(path)
    if image.mode in _WIDE:
        return _narrowed(np.asarray(image), path)
    grey = grey_of(image, path)
    if grey is not None:
        return of_grey(grey)
    if image.mode not in _MODES:
        return _of_colours(image, path)
    labels = np.array(image, dtype=np.uint8)
    return labels * np.uint8(set_bit) if image.mode == "1" else labels


def _narrowed(wide: NDArray[Any], path: Path | str) -> Labels:
    """Labels that were saved in 16 or 32 bits: whole numbers up to 255, or nothing and the largest number there is."""
    values = np.unique(wide)
    if len(values) == 2 and values[0] == 0 and values[1] == 65535:
        return np.where(wide > 0, np.uint8(VOID), np.uint8(0))
    if values[0] < 0 or values[-1] > VOID or (values != np.round(values)).any():
        raise VistreamError(f"{path} holds numbers from {values[0]} to {values[-1]}: labels are 0 to 255")
    return wide.astype(np.uint8)


def _of_colours(image: Image.Image, path: Path | str) -> Labels:
    numbers = {tuple(colour): number for number, colour in reversed([*enumerate(palette().tolist())])}
    colours, places = np.unique(np.array(image.convert("RGB")).reshape(-1, 3), axis=0, return_inverse=True)
    known = [numbers.get(tuple(colour)) for colour in colours.tolist()] if len(colours) <= len(numbers) else [None]
    if None in known:
        raise VistreamError(
            f"{path} holds colours (mode {image.mode}), not labels, and not those of DAVIS's palette: "
            "save masks as palette or grey PNG"
        )
    return np.array(known, np.uint8)[places].reshape(image.size[::-1])


def label_files(folder: Path | str) -> tuple[Path, ...]:
    """The label maps of a folder in order. Raises VistreamError where it has none, or two of one frame."""
    files = png_files(folder)
    if not files:
        raise VistreamError(f"{folder} has no .png file: label maps are expected, one a frame")
    return tuple(one_each(files, lambda file: file.stem, "frame").values())


def one_each(files: Iterable[Path], key: Callable[[Path], str], what: str) -> dict[str, Path]:
    """Files by key, in order. Raises VistreamError where two have one key, and so are of one `what`, in a word."""
    found: dict[str, Path] = {}
    for file in files:
        if found.setdefault(key(file), file) != file:
            raise VistreamError(f"{found[key(file)]} and {file} are of one {what}: leave one of them")
    return found


def png_files(folder: Path | str) -> tuple[Path, ...]:
    """The PNGs of a folder in order; none where it is no folder."""
    return _ordered(Path(folder), "png")


def _ordered(folder: Path, ending: str) -> tuple[Path, ...]:
    """The files of a folder whose ending is that, in small letters or capitals; shorter names first, so that 100000
    follows 99999.
    """
    files = folder.iterdir() if folder.is_dir() else ()
    chosen = (file for file in files if file.suffix.lower() == f".{ending}")
    return tuple(sorted(chosen, key=lambda file: (len(file.name), file.name)))


def read_folder(folder: Path | str) -> Iterator[tuple[str, Labels]]:
    """The label maps of a folder in order of name, each with its file's name without ending, one at a time.

    Where the first map holds 0 and 255 only, as in DAVIS 2016, every map's 255 is object 1. Raises
    VistreamError where the folder has no PNG, or sizes differ.
    """
    files = label_files(folder)
    first = read_labels(files[0])
    binary = set(np.unique(first)) == {0, VOID}
    for file in files:
        labels = read_labels(file)
        if labels.shape != first.shape:
            sizes = [" x ".join(map(str, map_.shape)) for map_ in (labels, first)]
            raise VistreamError(f"{file} is {sizes[0]} pixels, {files[0].name} is {sizes[1]}")
        yield file.stem, np.where(labels == VOID, np.uint8(1), labels) if binary else labels


def write_labels(path: Path | str, labels: Labels, colours: NDArray[np.uint8] | None = None) -> None:
    """Save a label map `[H, W]` as a PNG with a palette: `colours`, uint8 `[N, 3]`, black from N on; else DAVIS's."""
    image = Image.fromarray(np.ascontiguousarray(labels, dtype=np.uint8))
    chosen = palette() if colours is None else colours
    image.putpalette(chosen.tobytes().ljust(768, b"\0"))
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")


def palette() -> NDArray[np.uint8]:
    """The colours of DAVIS and PASCAL VOC, `[256, 3]`: the bits of a label, dealt out to red, green and blue.

    >>> palette()[[0, 1, 2, 3, 8]].tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [64, 0, 0]]
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for level, channel in np.ndindex(3, 3):
        bits = (labels >> (3 * level + channel)) & 1
        colours[:, channel] |= (bits << (7 - level)).astype(np.uint8)
    return colours


def label_map(tracks: Sequence[Track], size: tuple[int, int]) -> Labels:
    """The masks of one frame as one map `size` (height, width); where two overlap, the higher score is on
    top.

    Raises VistreamError for an id that a label map can't hold, ValueError for a track without a mask.
    """
    labels = np.zeros(size, dtype=np.uint8)
    for track in sorted(tracks, key=lambda t: t.score):
        if not 1 <= track.id < VOID:
            raise VistreamError(f"object {track.id} does not fit a DAVIS label map, which holds 1 to 254: use MOTS")
        if track.mask is None:
            raise ValueError(f"track {track.id} has no mask")
        labels[track.mask] = track.id
    return labels


class DavisWriter:
    """Writes one PNG a frame, into `folder`, which is made; each appears complete or not at all.

    `size`: (height, width) of the frames.
    """

    def __init__(self, folder: Path | str, size: tuple[int, int]) -> None:
        self.folder = Path(folder)
        self.size = size
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VistreamError(f"{folder} can't be made: {error.strerror}") from None

    def write(self, result: Result, stem: str = "") -> None:
        """Write one frame, as `<stem>.png`; without a stem, by its number: `00000.png` is the first."""
        write_labels(self.folder / f"{stem or f'{result.frame:05d}'}.png", label_map(result.tracks, self.size))

    def close(self) -> None:
        """Nothing is left to do: every frame is on disk already."""

    def __enter__(self) -> DavisWriter:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
