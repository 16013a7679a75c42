"""A detector from any ONNX file with one of the common layouts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vistream.detect.agreement import Agreement
from vistream.detect.candidates import Candidates, in_frame, masks_in_frame
from vistream.detect.coco import KEYPOINTS, usual_names
from vistream.detect.geometry import are_shares, in_pixels, known
from vistream.detect.layouts import MISREAD, ask_for, decoder_of, layout_of, misplaced
from vistream.detect.letterbox import Cells, Image, Placement, fitted_size
from vistream.detect.onnx_body import OnnxBody, key_of, quantised, restored
from vistream.detect.onnx_inputs import Size, inputs_of
from vistream.detect.onnx_metadata import all_names, check_task, checked_names, class_names, positive_integers
from vistream.detect.selection import Selection
from vistream.detect.signature import Decoder, Outputs, Signature
from vistream.detect.streaming import PictureStream, Prepared, Streaming
from vistream.detect.window import window_for
from vistream.engine.fidelity import DeadZones
from vistream.errors import VistreamError
from vistream.models.onnx_file import read_onnx
from vistream.models.onnx_session import OnnxSession
from vistream.quantize.onnx_store import save_onnx_network
from vistream.types import Frame, Observations, Work

log = logging.getLogger("vistream")

FREE_SIZE = 640  # where the file leaves its input's size open and says nothing
COMPARED = 4  # pictures on which the quantised file is compared with the float file
STRIDE = 32  # the sides of a free input are multiples of this, if the file names no other


class OnnxDetector:
    """Runs `path` in onnxruntime. `layout` is a name in `LAYOUTS`; None: told from the outputs of a dry run.

    Class names are the file's own (metadata entry `names`, as Ultralytics writes it, or as JSON), else COCO's where
    their number fits, else "class 0" and so on. Where the file leaves the size of its input open, that follows the
    shape of the frames: `size` is the longer side (None: the file's `imgsz`, else 640), or (width, height) for all.
    `masks`: give masks where the network has them. `streaming`: how its body is streamed, where that can be done; what
    can't be runs in onnxruntime, on whole frames, which the log says once.
    Raises VistreamError at construction for files that don't work.
    """

    def __init__(
        self,
        path: Path,
        selection: Selection,
        layout: str | None = None,
        name: str | None = None,
        size: int | Size | None = None,
        masks: bool = False,
        streaming: Streaming | None = None,
    ) -> None:
        self.name = name or f"onnx:{path.name}"
        self._path, self._selection, self._masks = path, selection, masks
        self._file = read_onnx(path)
        check_task(self._file)
        self._inputs = inputs_of(self._file)
        self._fitting = self._inputs.size == (0, 0) and not isinstance(size, tuple)
        self._stride = max(positive_integers(self._file, "stride", 1) or (STRIDE,))
        self._size = self._whole_size(size)
        self._own_names = class_names(self._file)
        self._session = OnnxSession(self._file)
        self._asked = layout is not None
        signature = self._signature(self._size, self._asked)
        self._layout, decoder = layout_of(path, layout, signature)
        if self._inputs.of_bytes:
            self._layout = self._layout.of_bytes()
        first = decoder.decode(signature.outputs, -np.inf)
        self._shares = are_shares(first, self._size) if len(known(first)) else None  # None: no boxes were seen yet
        self._decoders = {self._size: decoder}
        self._sizes: dict[Size, Size] = {}
        self._streaming = streaming
        self._prepared = Prepared()
        self._body: OnnxBody | None = None
        self._shape: tuple[tuple[int, ...], tuple[int, ...]] | None = None  # of frames and pictures, once known
        self._placed: tuple[Placement, tuple[int, int]] | None = None  # the last frame, and how large it is
        self._found: Candidates | None = None
        usual = usual_names(decoder.classes, decoder.keypoints, self._layout.ids)
        self._names = checked_names(self._file, self._own_names, decoder.classes) or usual
        selection.checked(self.name, self._names)

    @property
    def labels(self) -> frozenset[str]:
        """The classes of all that it will report."""
        return frozenset(self._names)

    @property
    def keypoints(self) -> tuple[str, ...]:
        """The names of the keypoints that it gives: COCO's where their number fits; none where it gives none."""
        count = self._decoders[self._size].keypoints
        return KEYPOINTS if count == len(KEYPOINTS) else tuple(f"point {number}" for number in range(1, count + 1))

    @property
    def gives_masks(self) -> bool:
        """Whether the network has masks, and they were asked for."""
        return self._masks and self._decoders[self._size].masks

    def describe(self) -> str:
        width, height = self._size
        size = f"with a longer side of {max(self._size)}" if self._fitting else f"at {width} x {height}"
        kind = f"{self._layout.name} layout {size}"
        how = "" if self._streaming is None else f", streamed where possible, {self._streaming.zones}"
        return f"{self.name}: {self._path.name}, {kind}, {len(self._names)} classes{how}; {self._selection}"

    def detect(self, frame: Frame, index: int) -> Observations:
        size = self._size_for(frame)
        picture, placement = self._prepared.take(frame) or self._layout.picture(frame, *size)
        body = self._body_for(frame, picture, placement)
        self._placed = placement, (frame.shape[0], frame.shape[1])
        outputs = self._dense(picture) if body is None else body(picture)
        if outputs is None and self._found is None and body is not None:
            outputs = body.finished(body.stream.outputs, picture)
        if outputs is not None:
            self._found = self._chosen_of(outputs, size)
        assert self._found is not None
        seen = in_frame(self._found, self._names, placement)
        if self._found.masks is None or not self.gives_masks:
            return seen
        return replace(seen, masks=masks_in_frame(self._found.masks, seen.boxes, placement, size, frame.shape[:2]))

    @property
    def work(self) -> Work:
        return Work() if self._body is None else self._body.stream.work

    @property
    def recomputed(self) -> Cells | None:
        return None if self._body is None or self._placed is None else self._body.recomputed(*self._placed)

    def body(self, frame: Frame) -> PictureStream | None:
        body = self._body_for(frame, *self._layout.picture(frame, *self._size_for(frame)))
        return None if body is None else body.stream

    def picture(self, frame: Frame) -> Image:
        picture, placement = self._layout.picture(frame, *self._size_for(frame))
        body = self._body_for(frame, picture, placement)
        return picture if body is None else body.window.cut(picture)

    def prepare(self, frame: Frame) -> None:
        size = self._sizes.get(self._wanted(frame))
        if size is not None:  # known once a frame of this shape was looked at
            self._prepared.put(frame, self._layout.picture(frame, *size))

    def reset(self) -> None:
        """Forget the video."""
        self._body = self._found = self._shape = None

    def state_dict(self) -> dict[str, Any]:
        return {} if self._body is None else self._body.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.reset()
        if state and self._streaming is not None:
            self._body = restored(self._file, state, self._streaming.zones)

    def _dense(self, picture: Image) -> Outputs:
        """All outputs by the float file."""
        return self._session(self._inputs.feed(self._layout.normalised(picture)))

    def _chosen_of(self, outputs: Outputs, size: Size) -> Candidates:
        try:
            candidates = self._decoders[size].decode(outputs, self._selection.least())
        except VistreamError as error:
            raise VistreamError(self._other(str(error))) from error
        except MISREAD as error:
            raise VistreamError(self._other("its outputs have another form than on a black image")) from error
        if self._shares is None and len(known(candidates)):
            self._look(candidates, self._decoders[size], size)
        candidates = in_pixels(candidates, size) if self._shares else candidates
        return self._selection.chosen(candidates, self._names, self._layout.distinct)

    def _look(self, found: Candidates, decoder: Decoder, size: Size) -> None:
        """Decide on the first boxes whether they are in pixels; raises VistreamError where they can't be boxes."""
        if (reason := misplaced(self._layout, decoder, found, size, self._asked)) is not None:
            raise VistreamError(self._other(reason))
        self._shares = are_shares(found, size)

    def _body_for(self, frame: Frame, picture: Image, placement: Placement) -> OnnxBody | None:
        """The stream for pictures like this one; None where there is to be none, or can't be."""
        streaming, shape = self._streaming, (frame.shape[:2], picture.shape[:2])
        if streaming is None or (self._body is not None and self._shape in (None, shape)):
            self._shape = shape
            return self._body
        size = (picture.shape[1], picture.shape[0])
        frames = [frame] if streaming.samples is None else list(streaming.samples())
        pictures = [self._layout.picture(frame, *size)[0] for frame in frames]
        key = key_of(self._file, self._layout.preprocess, pictures)
        try:
            onnx, new = quantised(self._file, self._layout.preprocess, pictures, key)
            window = window_for(onnx.network, shape[0], placement, shape[1], self._stride)
            self._body = OnnxBody(onnx, streaming.zones, key, window)
            if not window.is_whole:
                log.info("%s: computed is what frames fill, %d x %d pixels", self.name, *window.size[::-1])
            if new:
                self._compare(pictures, size)
                save_onnx_network(onnx, key)  # now: what is kept was compared
        except VistreamError as error:
            log.warning("%s runs in float on whole frames: %s", self.name, error)
            self._body = self._streaming = None
        self._found, self._shape = None, shape
        return self._body

    def _compare(self, pictures: Sequence[Image], size: Size) -> None:
        """Say how far the quantised file is from the float file on these pictures.

        Raises VistreamError where it misses most of what that finds.
        """
        assert self._body is not None
        apart = Agreement()
        for picture in pictures[:COMPARED]:
            alone = OnnxBody(self._body.onnx, DeadZones(), self._body.key, self._body.window)
            outputs = alone(picture)
            assert outputs is not None  # the first picture changes everything
            apart.add(self._chosen_of(self._dense(picture), size), self._chosen_of(outputs, size))
        apart.check()
        log.info("%s in integers: %s", self.name, apart)

    def _whole_size(self, size: int | Size | None) -> Size:
        """(width, height) of the dry run, and of every frame whose shape the input can't follow."""
        fixed, free = self._inputs.size, 0 in self._inputs.size
        if size is not None and not free:
            raise VistreamError(f"{self._path}: its input is fixed at {fixed[0]} x {fixed[1]}: leave the size out")
        own = positive_integers(self._file, "imgsz", 2) or (FREE_SIZE, FREE_SIZE)
        wanted = own[::-1] if size is None else (size, size) if isinstance(size, int) else size
        if self._fitting and any(side % self._stride for side in wanted):
            wanted = tuple(-(-side // self._stride) * self._stride for side in wanted)
            log.info("%s: its longer side is %d pixels: a multiple of %d", self.name, max(wanted), self._stride)
        return fixed[0] or wanted[0], fixed[1] or wanted[1]

    def _size_for(self, frame: Frame) -> Size:
        """The input's size for frames of this shape: theirs, if the file works at it."""
        wanted = self._wanted(frame)
        if wanted not in self._sizes:
            self._sizes[wanted] = wanted if wanted in self._decoders or self._works_at(wanted) else self._size
        return self._sizes[wanted]

    def _wanted(self, frame: Frame) -> Size:
        return fitted_size(frame, max(self._size), self._stride) if self._fitting else self._size

    def _works_at(self, size: Size) -> bool:
        """Whether outputs follow the input's size: in some files it is free in name only."""
        try:
            decoder = decoder_of(self._layout, self._signature(size))
            if not isinstance(decoder, str):
                self._decoders[size] = decoder
                return True
        except VistreamError as error:
            log.debug("%s", error)
        log.info("%s works at %d x %d only", self.name, *self._size)
        return False

    def _signature(self, size: Size, asked: bool = False) -> Signature:
        """What a run on a black image of that size gives."""
        outputs = self._session(self._inputs.feed(np.zeros((1, 3, size[1], size[0]), np.float32)))
        keypoints = positive_integers(self._file, "kpt_shape", 2)
        return Signature(
            outputs,
            *size,
            len(all_names(self._own_names)) if 0 in self._own_names else None,
            None if keypoints is None else (keypoints[0], keypoints[1]),
            self._file.metadata.get("task", ""),
            self._file.metadata.get("head", ""),
            self._inputs.to_size,
            asked,
            {output.name: output.shape for output in self._file.outputs if output.shape and min(output.shape) > 0},
        )

    def _other(self, reason: str) -> str:
        """That the file turns out to be of another layout."""
        return f"{self._path}: is not of layout {self._layout.name} ({reason}): {ask_for(self._path)}"
