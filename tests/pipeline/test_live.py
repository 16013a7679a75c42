"""Live sources against real servers on this machine, which are killed and come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rtspserver import RtspServer

from vistream.media.formats.jsonl import read_results
from vistream.media.video.source import open_source
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspServer]:
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server, aio-rtsp-toolkit, is not installed")
    (tmp_path / "served").mkdir()
    made = RtspServer(tmp_path / "served", CLIP)
    made.start()
    yield made
    made.kill()


def test_an_rtsp_server_that_is_killed_and_restarted(
    server: RtspServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on: frames are numbered on, ids too, and it says what happened."""
    settings = Settings(detector="motion", max_frames=60)
    jsonl = tmp_path / "out.jsonl"
    with caplog.at_level(logging.INFO), Recording(server.url, settings, OutputPaths(jsonl=jsonl)) as recording:
        health = recording.run.source.health
        for count, _ in enumerate(recording, start=1):
            if count == 20:
                server.kill()
                while health.connected:
                    time.sleep(0.01)
                server.start()
        assert health.losses == 1
        assert health.connected
        assert health.received >= 60
    assert "***@127.0.0.1" in caplog.text
    assert "secret" not in caplog.text
    assert "dropped: connecting again until it is back" in caplog.text
    assert "is back after" in caplog.text
    frames = [result.frame for result in read_results(jsonl)]
    assert len(frames) == 60
    assert frames == sorted(set(frames))
    times = [result.time for result in read_results(jsonl)]
    assert times == sorted(times)


def test_a_run_waiting_for_a_lost_stream_can_be_stopped_and_resumed(server: RtspServer, tmp_path: Path) -> None:
    settings = Settings(detector="motion", max_frames=25)
    paths = OutputPaths(jsonl=tmp_path / "out.jsonl")
    with Recording(server.url, settings, paths) as recording:
        for count, _ in enumerate(recording, start=1):
            if count == 10:
                server.kill()
                while recording.run.source.health.connected:
                    time.sleep(0.01)
                recording.stop()
    before = [result.frame for result in read_results(tmp_path / "out.jsonl")]
    assert len(before) == 10
    assert b"secret" not in (tmp_path / "out.resume").read_bytes()
    server.start()
    with Recording(server.url, settings, paths, resume=True) as recording:
        assert len(list(recording)) == 15
    frames = [result.frame for result in read_results(tmp_path / "out.jsonl")]
    assert frames[:10] == before
    assert frames[10] > before[-1]  # on a busy machine it may have dropped some
    assert len(frames) == 25
    assert frames == sorted(set(frames))


def test_without_reconnect_a_lost_stream_ends_the_run(server: RtspServer, caplog: pytest.LogCaptureFixture) -> None:
    with open_source(server.url, reconnect=False) as source:
        for frame in source:
            if frame.index >= 10:
                server.kill()
    assert "it ends here, as --no-reconnect wants it" in caplog.text
