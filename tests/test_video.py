"""Frames come out of every kind of source as they went in, and every broken source says so in one line."""

from __future__ import annotations

import http.server
import logging
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vistream.errors import VistreamError
from vistream.types import Frame
from vistream.video import Source, SourceFrame, VideoSink, open_source
from vistream.video.frames import Window
from vistream.video.live import open_url

FRAMES, FPS, SIZE = 60, 25, (96, 64)


def picture(index: int, size: tuple[int, int] = SIZE) -> Frame:
    """A bar that moves with the index over a coloured ramp; red and blue differ, so that a swap shows."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[..., 0] = 60 + np.arange(size[0]) % 120
    image[..., 2] = 30
    at = 4 * index % max(1, size[0] - 8)
    image[:, at : at + 8] = (230, 200, 20)
    return image


def write_video(path: Path, frames: int = FRAMES, **options: str) -> Path:
    """An H.264 file with B-frames and a long GOP, so that seeking by key frame would land elsewhere."""
    codec = {".webm": "libvpx", ".avi": "mpeg4"}.get(path.suffix, "libx264")
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        rng = np.random.default_rng(1)
        for i in range(frames):
            noisy = picture(i) + rng.integers(0, 20, (*picture(i).shape[:2], 1), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "clip.mp4", movflags="faststart")


def take(spec: Path | str, *, start: int = 0, stride: int = 1, max_frames: int | None = None) -> list[SourceFrame]:
    with open_source(str(spec), start=start, stride=stride, max_frames=max_frames) as source:
        return list(source)


def test_a_video_gives_every_frame_in_rgb_with_its_time(video: Path) -> None:
    with open_source(str(video)) as source:
        assert (source.fps, source.size, source.frame_count, source.live) == (FPS, SIZE, FRAMES, False)
        frames = list(source)
    assert [f.index for f in frames] == list(range(FRAMES))
    np.testing.assert_allclose([f.time for f in frames], np.arange(FRAMES) / FPS, atol=1e-6)
    for f in frames:
        assert f.image.shape == (SIZE[1], SIZE[0], 3)
        assert f.image.dtype == np.uint8
        assert np.abs(f.image.astype(int) - picture(f.index)).mean() < 16  # coding loss and noise
    assert np.abs(frames[5].image.astype(int) - picture(9)).mean() > 16  # so one frame off would be seen


@given(start=st.integers(0, FRAMES - 1), stride=st.integers(1, 20), most=st.none() | st.integers(1, 70))
def test_any_window_is_a_slice_of_the_whole(start: int, stride: int, most: int | None) -> None:
    """Against Python's own slicing; `Window.count` foretells the number."""
    window = Window(start, stride, most)
    expected = list(range(FRAMES))[start::stride][:most]
    taken = [i for i in range(FRAMES) if window.takes(i)][:most]
    assert taken == expected
    assert window.count(FRAMES) == len(expected)


@pytest.mark.parametrize(("start", "stride", "most"), [(0, 1, None), (7, 1, 5), (13, 4, None), (FRAMES - 1, 9, 3)])
def test_skipping_is_exact_and_decoding_is_repeatable(video: Path, start: int, stride: int, most: int | None) -> None:
    whole = take(video)[start::stride][:most]
    window = take(video, start=start, stride=stride, max_frames=most)
    assert [(f.index, f.time, f.name) for f in window] == [(f.index, f.time, f.name) for f in whole]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(window, whole, strict=True))
    assert open_source(str(video), start=start, stride=stride, max_frames=most).frame_count == len(window)


@pytest.mark.real
def test_skipping_is_exact_on_a_real_clip(real_data: Path) -> None:
    clip = real_data / "mots" / "schoolgirls" / "schoolgirls.mp4"
    whole = take(clip)
    assert len(whole) == 80
    for frame in take(clip, start=33, stride=7):
        assert np.array_equal(frame.image, whole[frame.index].image)


def turned(video: Path, to: Path) -> Path:
    """The same file with a display matrix of 90 degrees in its track header, as phones write it."""
    data = bytearray(video.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the nine 32-bit numbers of the matrix, in a version 0 box
    assert struct.unpack_from(">9i", data, at)[0] == 0x10000
    struct.pack_into(">9i", data, at, 0, 0x10000, 0, -0x10000, 0, 0, SIZE[1] << 16, 0, 0x40000000)
    to.write_bytes(data)
    return to


def test_rotation_in_the_metadata_is_respected(video: Path, tmp_path: Path) -> None:
    upright = take(video)[0].image
    with open_source(str(turned(video, tmp_path / "turned.mp4"))) as source:
        assert source.size == (SIZE[1], SIZE[0])
        assert np.array_equal(next(source).image, np.rot90(upright, -1))


def with_edit_list(video: Path, to: Path, hidden: int) -> Path:
    """The same file with an edit list that hides the first frames, as cameras and lossless cutters leave it."""
    data = bytearray(video.read_bytes())
    (ticks,) = struct.unpack_from(">I", data, data.index(b"mdhd") + 4 + 12)  # a second of the track
    (milliseconds,) = struct.unpack_from(">I", data, data.index(b"mvhd") + 4 + 12)
    at = data.index(b"elst") + 4
    version_and_flags, count, _, media_time, _ = struct.unpack_from(">IIIiI", data, at)
    assert (version_and_flags, count) == (0, 1)
    shown = (FRAMES - hidden) * milliseconds // FPS
    struct.pack_into(">Ii", data, at + 8, shown, media_time + hidden * ticks // FPS)
    to.write_bytes(data)
    return to


def test_frames_hidden_by_an_edit_list_are_not_missing(video: Path, tmp_path: Path) -> None:
    cut = with_edit_list(video, tmp_path / "trimmed.mp4", 40)
    with open_source(str(cut)) as source:
        assert source.frame_count == FRAMES - 40
        assert len(list(source)) == FRAMES - 40


def cut(path: Path, to: Path, share: float) -> Path:
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to


@pytest.mark.parametrize("share", [0.85, 0.5])
def test_a_truncated_video_delivers_what_decodes_then_fails(video: Path, tmp_path: Path, share: float) -> None:
    broken = cut(video, tmp_path / "broken.mp4", share)
    got: list[SourceFrame] = []
    with (
        pytest.raises(VistreamError, match=rf"broken.mp4 is cut short .* declares {FRAMES} frames"),
        open_source(str(broken)) as source,
    ):
        got.extend(source)
    assert 0 < len(got) < FRAMES
    assert len(take(broken, max_frames=len(got))) == len(got)  # what is asked for is there


def test_a_few_missing_frames_are_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    long = write_video(tmp_path / "long.mp4", 100, movflags="faststart")
    nearly = cut(long, tmp_path / "nearly.mp4", 0.985)
    with caplog.at_level(logging.WARNING, "vistream"):
        got = take(nearly)
    assert 95 <= len(got) < 100
    assert "declares 100 frames" in caplog.text


def test_other_containers_are_read_whole(tmp_path: Path) -> None:
    for suffix in (".avi", ".mkv", ".webm", ".ts"):
        assert len(take(write_video(tmp_path / f"clip{suffix}"))) == FRAMES
    assert len(take(write_video(tmp_path / "pieces.mp4", movflags="frag_keyframe+empty_moov"))) == FRAMES


def broken_sources(folder: Path, video: Path) -> dict[str, str]:
    """Specs that can't be opened, and what the error must say."""
    (folder / "text.mp4").write_text("not a video at all\n" * 50)
    (folder / "empty.mp4").touch()
    (folder / "nothing").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").touch()
    (folder / "sequence" / "img1").mkdir(parents=True)
    Image.fromarray(picture(0)).save(folder / "sequence" / "img1" / "1.png")
    (folder / "fake").mkdir()
    (folder / "fake" / "1.png").write_text("not an image")
    (folder / "short").mkdir()
    cut(folder / "sequence" / "img1" / "1.png", folder / "short" / "1.png", 0.6)
    cut(write_video(folder / "end.mp4"), folder / "headless.mp4", 0.5)  # the index comes last and is lost
    whole = video.read_bytes()
    (folder / "no_frames.mp4").write_bytes(whole[: whole.rindex(b"mdat") + 4])  # the index, and no data
    return {
        "missing.mp4": "missing.mp4 does not exist",
        "text.mp4": "text.mp4 is not a video",
        "empty.mp4": "empty.mp4 is empty",
        "headless.mp4": "headless.mp4 is not a video that can be read",
        "no_frames.mp4": "no_frames.mp4 holds no frame that can be decoded",
        "nothing": "nothing holds nothing",
        "texts": "texts holds no image",
        "sequence": "did you mean .*img1",
        "fake": "1.png is not an image",
        "short": "1.png can't be read as an image",
        "none*.png": "none.* matches no image",
    }


def test_every_broken_source_is_one_clear_line(tmp_path: Path, video: Path) -> None:
    for spec, message in broken_sources(tmp_path, video).items():
        with pytest.raises(VistreamError, match=message) as caught:
            open_source(str(tmp_path / spec))
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)
    with pytest.raises(VistreamError, match=f"start is {FRAMES}, but .* has only {FRAMES} frames"):
        open_source(str(video), start=FRAMES)
    with pytest.raises(VistreamError, match="camera 63 can't be opened"):
        open_source("63")
    for start, stride, most, said in ((-1, 1, None, "start"), (0, 0, None, "stride"), (0, 1, 0, "max_frames")):
        with pytest.raises(VistreamError, match=said):
            open_source(str(video), start=start, stride=stride, max_frames=most)


def test_opencv_and_ffmpeg_keep_quiet(tmp_path: Path, video: Path) -> None:
    """In a process of its own, as both remember how loud they are, with OpenCV imported before us."""
    broken = cut(video, tmp_path / "broken.mp4", 0.5)
    specs = [str(broken), "63", "rtsp://ann:secret@127.0.0.1:9/x", str(Path(__file__))]
    code = f"""
import cv2
from vistream.video import open_source
from vistream.errors import VistreamError
for spec in {specs!r}:
    try:
        list(open_source(spec))
    except VistreamError as error:
        print(error)
"""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENCV")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == len(specs)
    assert "secret" not in run.stdout


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    order = [1, 2, 9, 10, 11, 100]
    for i in order:
        Image.fromarray(picture(i)).save(tmp_path / f"frame{i}.png")
    (tmp_path / "notes.txt").touch()
    Image.fromarray(picture(3)).save(tmp_path / "._frame3.png")
    for spec in (tmp_path, tmp_path / "*", tmp_path / "frame*.png"):
        frames = take(spec)
        assert [f.name for f in frames] == [f"frame{i}.png" for i in order]
        assert all(np.array_equal(f.image, picture(i)) for f, i in zip(frames, order, strict=True))
    some = take(tmp_path, start=1, stride=2, max_frames=2)
    assert [(f.index, f.name) for f in some] == [(1, "frame2.png"), (3, "frame10.png")]
    assert [f.name for f in take(tmp_path / "frame9.png")] == ["frame9.png"]
    with pytest.raises(VistreamError, match="only 6 frames"):
        open_source(str(tmp_path), start=6)


def test_the_frame_rate_of_a_mot_sequence_is_found(tmp_path: Path) -> None:
    (tmp_path / "img1").mkdir()
    for i in range(3):
        Image.fromarray(picture(i)).save(tmp_path / "img1" / f"{i}.png")
    assert open_source(str(tmp_path / "img1")).fps is None
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=7\n")
    with open_source(str(tmp_path / "img1")) as source:
        assert source.fps == 7
        assert [f.time for f in source] == [0, 1 / 7, 2 / 7]


@pytest.mark.parametrize(
    ("pixels", "rgb"),
    [
        (np.full((4, 5), 77, np.uint8), (77, 77, 77)),
        (np.full((4, 5), 77 * 256 + 200, np.uint16), (77, 77, 77)),
        (
            np.full((4, 5, 3), (10 * 256, 20 * 256, 30 * 256 + 255), np.uint16),
            (30, 20, 10),
        ),  # OpenCV writes BGR
        (np.full((4, 5, 4), (10, 20, 30, 128), np.uint8), (30, 20, 10)),
    ],
    ids=["grey", "grey 16 bit", "colour 16 bit", "with alpha"],
)
def test_every_pixel_format_becomes_rgb(pixels: Frame, rgb: tuple[int, int, int], tmp_path: Path) -> None:
    for suffix in ("png", "tif"):
        assert cv2.imwrite(str(tmp_path / f"image.{suffix}"), pixels)
        (frame,) = take(tmp_path / f"image.{suffix}")
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (4, 5, 3)
        assert (frame.image == rgb).all()


def test_an_image_of_another_size_is_named(tmp_path: Path) -> None:
    Image.fromarray(picture(0)).save(tmp_path / "1.png")
    Image.fromarray(picture(0, (50, 40))).save(tmp_path / "2.png")
    source = open_source(str(tmp_path))
    next(source)
    with pytest.raises(VistreamError, match=r"2\.png is 50x40, the first one is 96x64"):
        next(source)


# --- network sources -------------------------------------------------------------------------------


@contextmanager
def serving(respond: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An HTTP server on this machine that answers every request with `respond`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):  # the client has gone
                respond(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/stream"
    finally:
        server.shutdown()
        server.server_close()


def motion_jpeg(frames: int, interval: float) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """A network camera: `frames` JPEGs, then the connection drops."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        for i in range(frames):
            jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture(i), cv2.COLOR_RGB2BGR))[1].tobytes()
            request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
            request.wfile.write(b"Content-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg))
            request.wfile.flush()
            time.sleep(interval)

    return respond


def test_a_slow_consumer_of_a_stream_gets_the_newest_frame() -> None:
    with serving(motion_jpeg(1000, 0.01)) as url, open_source(url, max_frames=4) as source:
        assert source.live
        assert source.size == SIZE
        indices = []
        for frame in source:
            indices.append(frame.index)
            time.sleep(0.3)
    assert len(indices) == 4
    assert min(np.diff(indices)) > 5  # what arrived meanwhile was dropped


def test_a_dropped_stream_is_taken_up_again_and_a_lost_one_ends(caplog: pytest.LogCaptureFixture) -> None:
    with serving(motion_jpeg(12, 0.02)) as url, open_source(url, max_frames=30) as source:
        indices = [frame.index for frame in source]
    assert len(indices) == 30
    assert indices == sorted(set(indices))
    assert "dropped: connecting again until it is back" in caplog.text
    assert "is back after" in caplog.text

    with serving(motion_jpeg(12, 0.02)) as url:
        lost: Source = open_url(url, Window(), reconnect=False)
        assert 0 < len(list(lost)) <= 12
    assert "it ends here, as --no-reconnect wants it" in caplog.text


def test_a_video_behind_http_is_read_whole(video: Path) -> None:
    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(video.stat().st_size))
        request.end_headers()
        request.wfile.write(video.read_bytes())

    with serving(respond) as url, open_source(url) as source:
        assert (source.live, source.frame_count) == (False, FRAMES)
        assert len(list(source)) == FRAMES


# --- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 48), (65, 47), (2, 2), (1, 1)])
@pytest.mark.parametrize("codec", ["h264", "mp4v"])
def test_what_is_written_can_be_read(
    size: tuple[int, int],
    codec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if codec == "mp4v":
        monkeypatch.setitem(sys.modules, "av", None)  # as if PyAV were not installed
    with VideoSink(tmp_path / "out.mp4", 12.5, size) as sink:
        assert sink.codec == codec
        for i in range(20):
            sink.write(picture(i, size))
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    assert ("PyAV is not installed" in caplog.text) == (codec == "mp4v")
    with open_source(str(tmp_path / "out.mp4")) as source:
        assert source.fps == pytest.approx(12.5)
        assert source.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        frames = list(source)
    assert len(frames) == 20
    if min(size) > 40:
        for frame in frames:
            shown = frame.image[: size[1], : size[0]].astype(int)
            assert np.abs(shown - picture(frame.index, size)).mean() < 12


def test_a_sink_that_fails_leaves_nothing_and_one_that_is_stopped_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("from an earlier run")
    with pytest.raises(RuntimeError), VideoSink(path, 25, SIZE) as sink:
        sink.write(picture(0))
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_text() == "from an earlier run"
    with pytest.raises(KeyboardInterrupt), VideoSink(path, 25, SIZE) as sink:
        sink.write(picture(0))
        raise KeyboardInterrupt
    assert len(take(path)) == 1


def test_a_sink_that_can_not_work_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match=r"out.gif: a video is written as one of .mp4"):
        VideoSink(tmp_path / "out.gif", 25, SIZE)
    with pytest.raises(VistreamError, match="absent does not exist"):
        VideoSink(tmp_path / "absent" / "out.mp4", 25, SIZE)
    with pytest.raises(VistreamError, match="is a folder"):
        (tmp_path / "folder.mp4").mkdir()
        VideoSink(tmp_path / "folder.mp4", 25, SIZE)
    with pytest.raises(VistreamError, match="0 frames a second"):
        VideoSink(tmp_path / "out.mp4", 0, SIZE)
    with (
        pytest.raises(VistreamError, match="a frame of 50x40 in a video of 96x64"),
        VideoSink(tmp_path / "out.mp4", 25, SIZE) as sink,
    ):
        sink.write(picture(0, (50, 40)))
    assert [file.name for file in tmp_path.iterdir()] == ["folder.mp4"]
