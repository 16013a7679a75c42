"""Videos as they really come: other sizes midway, frames that don't decode, uneven times, sizes from tiny to 4K."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from vistream.errors import VistreamError
from vistream.media.video.source import open_source
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.session import Session
from vistream.pipeline.settings import Settings
from vistream.pipeline.track import track
from vistream.types import Frame, Observations


def picture(size: tuple[int, int], index: int = 0) -> Frame:
    """A square that moves over noise that does not."""
    width, height = size
    image = np.random.default_rng(0).integers(60, 120, (height, width, 3), dtype=np.uint8)
    x, side = 2 * index % max(1, width // 2), max(1, min(size) // 3)
    image[height // 4 : height // 4 + side, x : x + side] = (240, 40, 30)
    return image


def encode(path: Path, size: tuple[int, int], frames: int, stamps: list[int] | None = None) -> Path:
    """H.264; `stamps`: the frames' times in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(size, index), format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_video_that_changes_its_size_goes_on_in_the_first_one(tmp_path: Path) -> None:
    parts = [encode(tmp_path / f"{i}.ts", size, 10) for i, size in enumerate(((96, 64), (160, 96), (96, 64)))]
    (tmp_path / "cam.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    with open_source(str(tmp_path / "cam.ts")) as source:
        shapes = [frame.image.shape for frame in source]
    assert len(shapes) >= 25
    assert set(shapes) == {(64, 96, 3)}
    paths = OutputPaths(video=tmp_path / "out.mp4", mot=tmp_path / "out.txt")
    with Recording(str(tmp_path / "cam.ts"), Settings(detector="motion"), paths) as recording:
        assert len(list(recording)) == len(shapes)


@contextmanager
def camera(sizes: list[tuple[int, int]]) -> Iterator[str]:
    """Motion JPEG over HTTP: ten frames of a size a connection, then the next size."""
    waiting = iter(sizes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = next(waiting, sizes[-1])
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for index in range(10):
                jpeg = cv2.imencode(".jpg", picture(size, index))[1].tobytes()
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
                self.wfile.write(b"Content-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg))
                self.wfile.flush()
                threading.Event().wait(0.02)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_camera_that_comes_back_with_another_size(caplog: pytest.LogCaptureFixture) -> None:
    # the first connection asks what it is, the second one is the stream
    with camera([(96, 64), (96, 64), (64, 96)]) as url, open_source(url, max_frames=16) as source:
        first = source.size
        assert {frame.image.shape[1::-1] for frame in source} == {first}
    assert "is back after" in caplog.text
    assert "scaled to that from here on" in caplog.text


def test_images_of_several_sizes_are_refused(tmp_path: Path) -> None:
    for index, size in enumerate(((32, 24), (24, 32))):
        cv2.imwrite(str(tmp_path / f"{index}.png"), picture(size))
    with pytest.raises(VistreamError, match=r"1\.png is 24x32, the first one is 32x24: all frames must have the same"):
        list(open_source(str(tmp_path)))


@pytest.mark.parametrize("kind", ["grey", "alpha", "deep grey", "deep colour", "palette", "one bit"])
def test_images_of_every_kind_are_tracked(kind: str, tmp_path: Path) -> None:
    for index in range(3):
        colour = cv2.cvtColor(picture((48, 40), index), cv2.COLOR_RGB2BGR)
        grey = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
        image = {
            "grey": grey,
            "alpha": np.dstack([colour, grey]),
            "deep grey": grey.astype(np.uint16) * 257,
            "deep colour": colour.astype(np.uint16) * 257,
            "palette": grey // 64 * 64,
            "one bit": np.where(grey > 100, 255, 0).astype(np.uint8),
        }[kind]
        cv2.imwrite(str(tmp_path / f"{index}.png"), image)
    results = list(track(tmp_path, detector="motion"))
    assert [result.frame for result in results] == [0, 1, 2]
    with open_source(str(tmp_path)) as source:
        frame = next(source).image
    assert frame.shape == (40, 48, 3)
    assert frame.dtype == np.uint8
    assert 40 < frame.mean() < 160


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (33, 17), (8, 131), (257, 9), (4096, 2160)])
def test_sizes_from_tiny_to_4k(size: tuple[int, int]) -> None:
    session = Session(fidelity="exact")
    box = np.array([[1.0, 1.0, size[0] - 2, size[1] - 2]])
    for index in range(3):
        seen = Observations(box, np.array([0.9]), ("object",))
        result = session.step(picture(size, index), seen)
        large = size[0] * size[1] > 300  # smaller boxes are left out, and nothing is looked at
        assert (0 < result.work.macs <= result.work.macs_dense) == large
    assert len(result.tracks) == large


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 1)])
def test_frames_with_nothing_to_see_are_refused_in_one_line(size: tuple[int, int]) -> None:
    with pytest.raises(VistreamError, match=r"too small: at least 8x8 are needed"):
        Session().step(picture(size))


def test_times_of_a_variable_frame_rate_are_the_files_own(tmp_path: Path) -> None:
    stamps = [0, 40, 80, 500, 520, 1700, 1740]
    path = encode(tmp_path / "uneven.mkv", (64, 48), len(stamps), stamps)
    with open_source(str(path)) as source:
        times = [frame.time for frame in source]
    np.testing.assert_allclose(times, np.array(stamps) / 1000, atol=0.002)


def test_frames_that_do_not_decode_end_in_one_line_or_are_mended(tmp_path: Path) -> None:
    """FFmpeg mends what it can; in no case is there a traceback, and no frame comes twice."""
    whole = encode(tmp_path / "whole.mp4", (96, 64), 40).read_bytes()
    start = whole.index(b"mdat") + 4
    for seed in range(6):
        rng = np.random.default_rng(seed)
        data = bytearray(whole)
        for place in rng.integers(start, len(whole) * 3 // 4, 40):
            data[place] ^= int(rng.integers(1, 256))
        path = tmp_path / f"damaged{seed}.mp4"
        path.write_bytes(data)
        indices: list[int] = []
        try:
            with open_source(str(path)) as source:
                indices += [frame.index for frame in source]
        except VistreamError as error:
            assert "\n" not in str(error)
            assert path.name in str(error)
        assert indices == list(range(len(indices)))
