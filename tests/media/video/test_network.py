"""Streams and videos that come over HTTP, from a server of this machine."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from clipfiles import FRAMES, SIZE, picture, write_video

from vistream.errors import VistreamError
from vistream.media.video import Source, open_source
from vistream.media.video.frames import Window
from vistream.media.video.live import is_file, open_url
from vistream.media.video.pyav_capture import opencv_reads_interlaced


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


def test_a_video_behind_http_is_read_whole(tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4", movflags="faststart")

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(video.stat().st_size))
        request.end_headers()
        request.wfile.write(video.read_bytes())

    with serving(respond) as url, open_source(url) as source:
        assert (source.live, source.frame_count) == (False, FRAMES)
        assert len(list(source)) == FRAMES


def test_an_index_that_comes_last_from_a_server_that_cannot_skip(tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4")
    whole, far = video.read_bytes(), 8 * 2**20  # bytes that nobody holds to go back in
    index = whole.rindex(b"moov") - 4
    video.write_bytes(whole[:index] + far.to_bytes(4, "big") + b"free" + bytes(far - 8) + whole[index:])
    with serving(sent(video, "video/mp4")) as url, pytest.raises(VistreamError, match="download it, and give the file"):
        open_source(url)


def test_a_file_that_opencv_does_not_decode_is_decoded_by_pyav(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this PyAV makes no AV1")
    video = tmp_path / "clip.mp4"
    with av.open(str(video), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libsvtav1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    with serving(sent(video, "video/mp4")) as url, open_source(url) as source:
        assert not source.live
        assert [frame.index for frame in source] == list(range(FRAMES))


def sent(path: Path, kind: str, pause: float = 0.0) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """A file as a server of files sends it; with a `pause` between its parts, as a camera does: of no length."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        whole = path.read_bytes()
        request.send_response(200)
        request.send_header("Content-Type", kind)
        if not pause:
            request.send_header("Content-Length", str(len(whole)))
        request.end_headers()
        for begin in range(0, len(whole), 1880):
            request.wfile.write(whole[begin : begin + 1880])
            request.wfile.flush()
            time.sleep(pause)

    return respond


def test_a_file_that_does_not_tell_its_frames_is_no_camera(tmp_path: Path) -> None:
    """A transport stream that can't be skipped in: only its length in bytes says that it ends."""
    video = write_video(tmp_path / "clip.ts")
    with serving(sent(video, "video/mp2t")) as url, open_source(url) as source:
        assert not source.live
        assert [frame.index for frame in source] == list(range(FRAMES))


def test_a_playlist_and_a_picture_are_no_files() -> None:
    for kind, ending in (("image/jpeg", ".jpg"), ("application/octet-stream", ".m3u8"), ("video/mp4", ".mpd")):

        def respond(request: http.server.BaseHTTPRequestHandler, kind: str = kind) -> None:
            request.send_response(200)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", "0")
            request.end_headers()

        with serving(respond) as url:
            assert not is_file(url + ending)


def test_an_interlaced_stream_has_pictures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video = write_video(tmp_path / "clip.ts", frames=4 * FRAMES, interlaced=True, gop=10)
    with (
        caplog.at_level("INFO", "vistream"),
        serving(sent(video, "video/mp2t", pause=0.01)) as url,
        open_source(url) as source,
    ):
        assert source.live
        pictures = [frame.image for _, frame in zip(range(30), source, strict=False)]
    assert opencv_reads_interlaced() or "is interlaced: it is decoded by PyAV" in caplog.text
    assert 20 < pictures[-1].mean() < 200
    assert pictures[-1].std() > 20
