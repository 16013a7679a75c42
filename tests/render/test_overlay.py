"""What is drawn is where it should be, in the track's colour, on frames of any size. Looks are judged by eye."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistream.render.chips import Chips
from vistream.render.colours import colour_of
from vistream.render.overlay import Overlay, draw_box
from vistream.render.text import KEPT, TextPainter
from vistream.types import Frame, Result, Track

W, H = 320, 240


def blank(width: int = W, height: int = H, level: int = 90) -> Frame:
    return np.full((height, width, 3), level, np.uint8)


def result(*tracks: Track, frame: int = 0, activity: bool = False) -> Result:
    cells = np.zeros((30, 40), np.bool_)
    cells[:15] = True
    return Result(frame, frame / 25, tracks, len(tracks), activity=cells if activity else None)


def changed(picture: Frame, before: Frame) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) around every pixel that differs."""
    ys, xs = np.nonzero((picture != before).any(axis=2))
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def test_a_box_is_drawn_in_its_colour_where_it_is() -> None:
    frame = blank()
    picture = Overlay((W, H), 25).draw(frame, result(Track(7, (100, 120, 60, 80), 0.9, "object")), "")
    assert (frame == 90).all()  # the caller's frame is left alone
    for y, x in ((120, 130), (200, 130), (160, 100), (160, 160)):  # the middle of each side
        assert tuple(picture[y, x]) == colour_of(7)
    assert (picture[125:195, 105:155] == 90).all()  # nothing inside
    left, top, right, bottom = changed(picture, frame)
    assert (left, right, bottom) == (100, 160, 200)
    assert 100 < top < 120  # the chip above


def test_the_label_is_written_where_it_says_something_and_fits() -> None:
    def width_of_chip(label: str, box: tuple[float, float, float, float]) -> int:
        picture = Overlay((W, H), 25).draw(blank(), result(Track(7, box, 0.9, label)), "")
        return int((picture[110] != 90).any(axis=1).sum())

    wide, narrow = (100, 120, 90, 80), (100, 120, 20, 80)
    assert width_of_chip("person", wide) > width_of_chip("object", wide) > 0
    assert width_of_chip("person", narrow) == width_of_chip("person", wide)  # the class is kept over a narrow box
    assert width_of_chip("a label as long as the picture", narrow) == width_of_chip("object", narrow)


def test_ids_are_never_under_the_status_and_small_boxes_are_seen() -> None:
    track = Track(7, (100, 3, 40, 40), 0.9, "object")
    overlay = Overlay((W, H), 25)
    with_status = overlay.draw(blank(), result(track), "20 % of dense work")
    strip = int((with_status[:, 5] != 90).any(axis=1).sum())  # beside every box
    assert strip > 0
    chip = (with_status == np.array(colour_of(7))).all(axis=2)
    assert chip[strip : strip + 4, 105].any()
    assert not chip[:strip, 103:110].any()
    tiny = Overlay((W, H), 25).draw(blank(), result(Track(2, (50, 100, 0.4, 0.4), 0.9, "object")), "")
    assert (tiny[100:103, 50:53] == np.array(colour_of(2))).all(axis=2).sum() >= 8


def test_labels_lie_side_by_side() -> None:
    """People in a crowd: each label can be read, none is half under another."""
    chips = Chips((320, 200), 10, 14)
    boxes = [(100, 50), (104, 52), (96, 47), (130, 50), (100, 3), (300, 199), (-20, 100)]
    placed = [chips.place(box, 40) for box in boxes]
    assert placed[0] == (100, 40) and placed[4][1] >= 14
    for i, (x, y) in enumerate(placed):
        assert 0 <= x <= 280 and 14 <= y <= 190
        assert all(abs(x - other) >= 40 or abs(y - row) >= 10 for other, row in placed[:i])
    many = [chips.place((100, 50), 40) for _ in range(20)]
    assert many[-1] == (100, 40), "where all is taken it lies on others"


def test_the_chip_stays_in_the_picture() -> None:
    for x, y in itertools.product((-20, 0, 150, 300), (-30, 0, 5, 200)):
        track = Track(1234, (x, y, 40, 40), 0.9, "object")
        only_box = blank()
        draw_box(only_box, track, 1)
        chip = changed(Overlay((W, H), 25).draw(blank(), result(track), ""), only_box)
        assert chip[2] - chip[0] > 12, (x, y)
        assert chip[3] - chip[1] > 8, (x, y)
        assert chip[1] <= max(y, 0) + 1, (x, y)


def test_a_trail_follows_and_fades() -> None:
    overlay = Overlay((W, H), 10)
    for i in range(20):
        picture = overlay.draw(blank(), result(Track(3, (20.0 + 10 * i, 50, 20, 40), 1, "object"), frame=i), "")
    path = (picture[90] != 90).any(axis=1)  # along the lower edges of the boxes
    assert path[40:200].all()
    strength = np.abs(picture[90, 40:200].astype(int) - 90).sum(axis=1)
    assert strength[:40].mean() < 0.7 * strength[-40:].mean()
    for i in range(20, 55):  # the track is gone: so is, in the end, its trail
        picture = overlay.draw(blank(), result(frame=i), "")
        assert i > 45 or (picture != 90).any()
    assert (picture == 90).all()


def test_a_resting_object_has_no_long_memory() -> None:
    overlay = Overlay((W, H), 25)
    for i in range(500):
        overlay.draw(blank(40, 30), result(Track(1, (5, 5, 9, 9), 1, "object"), frame=i), "")
    assert len(overlay._trails[1].points) < 50


def test_masks_tint_what_they_cover_and_key_points_are_dots() -> None:
    mask = np.zeros((H, W), np.bool_)
    mask[150:180, 100:140] = True
    points = np.array([[30.0, 30.0, 0.9], [60.0, 30.0, 0.0]])
    track = Track(2, (250, 20, 30, 40), 1, "object", mask, points)
    picture = Overlay((W, H), 25).draw(blank(), result(track), "")
    expected = 0.55 * 90 + 0.45 * np.array(colour_of(2))
    np.testing.assert_allclose(picture[165, 120], expected, atol=1)
    assert (picture[145, 120] == 90).all()
    assert tuple(picture[30, 30]) == colour_of(2)
    assert (picture[30, 60] == 90).all()  # confidence 0: not there


def test_the_activity_map_lights_what_was_recomputed() -> None:
    picture = Overlay((W, H), 25).draw(blank(), result(activity=True), "")
    left, top, right, bottom = changed(picture, blank())
    assert left > 0.7 * W
    assert right < W
    assert top > 0.6 * H
    assert bottom < H
    height = round(0.22 * H)
    upper, lower = picture[bottom - height + 5, right - 30], picture[bottom - 5, right - 30]
    assert upper[0] > upper[2] + 40  # amber
    assert np.ptp(lower) == 0  # grey
    assert lower[0] < 60


def test_the_status_is_readable_on_black_and_on_white() -> None:
    for level in (0, 255):
        frame = blank(level=level)
        picture = Overlay((W, H), 25).draw(frame, result(), "41 fps · 18 % of dense work")
        _, _, right, bottom = changed(picture, frame)
        assert bottom < 30
        assert right > 60
        strip = picture[: bottom + 1]
        assert int(strip.max()) - int(np.median(strip)) > 100


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    box=st.tuples(*[st.floats(-1e12, 1e12) | st.floats(-50, 50)] * 4),
    identity=st.integers(0, 10**9),
)
def test_any_size_and_any_box_is_survived(
    size: tuple[int, int], box: tuple[float, float, float, float], identity: int
) -> None:
    overlay = Overlay(size, 25)
    mask = np.ones((size[1], size[0]), np.bool_)
    track = Track(identity, box, 1, "person", mask, np.array([[box[0], box[1], 1.0]]))
    for i in range(3):
        picture = overlay.draw(blank(*size), result(track, frame=i, activity=True), "41 fps")
        assert picture.shape == (size[1], size[0], 3)
        assert picture.dtype == np.uint8


def test_sizes_follow_the_frame() -> None:
    """Drawn at twice the size and halved again, a picture looks about the same."""

    def drawn(scale: int) -> tuple[int, int, int, int]:
        size = (640 * scale, 480 * scale)
        track = Track(7, (100.0 * scale, 200.0 * scale, 90.0 * scale, 120.0 * scale), 1, "person")
        left, top, right, bottom = changed(Overlay(size, 25).draw(blank(*size), result(track), ""), blank(*size))
        return left // scale, top // scale, right // scale, bottom // scale

    np.testing.assert_allclose(drawn(1), drawn(3), atol=2)


def test_colours_differ_and_stay() -> None:
    colours = [colour_of(i) for i in range(1, 11)]
    assert colours == [colour_of(i) for i in range(1, 11)]
    apart = min(np.linalg.norm(np.subtract(a, b)) for a, b in itertools.combinations(colours, 2))
    assert apart > 35
    assert min(np.dot(colour, (0.2126, 0.7152, 0.0722)) for colour in colours) > 110  # black text is legible


@pytest.mark.parametrize("at", [(-5, -5), (15, 3), (100, 100), (-100, 2)])
def test_text_is_cut_off_at_the_edge(at: tuple[int, int]) -> None:
    whole, part = blank(200, 200), blank(20, 10)
    painter = TextPainter(12)
    painter.write(whole, "id 7 é", (at[0] + 100, at[1] + 100), (255, 255, 255))
    painter.write(part, "id 7 é", at, (255, 255, 255))
    assert np.array_equal(part, whole[100:110, 100:120])


def test_text_memory_is_bounded() -> None:
    painter = TextPainter(9)
    for i in range(2 * KEPT):
        painter.ink(str(i))
    assert len(painter._kept) == KEPT
