"""The table of results: as JSON, as CSV, and on the screen."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from vistream.errors import VistreamError
from vistream.evaluate.table import COMBINED, Table

TABLE = Table(
    "Some [task]",
    {"a [1]": {"MOTA": 0.51234567, "IDSW": 3, "X": float("nan")}, "b": {"MOTA": 1.0, "IDSW": 0, "X": 0.5}},
    {"MOTA": 0.75, "IDSW": 3, "X": float("nan")},
    headline=("MOTA", "IDSW"),
    notes=("read [this]",),
    details=(Table("Joints", {"nose": {"AP": float("nan")}}),),
)


def test_a_table_as_json_and_csv(tmp_path: Path) -> None:
    TABLE.save(tmp_path / "t.json")
    TABLE.save(tmp_path / "t.csv")
    read = json.loads((tmp_path / "t.json").read_text())
    assert read["rows"]["a [1]"] == {"MOTA": 0.51234567, "IDSW": 3, "X": None}
    assert read["combined"]["MOTA"] == 0.75
    assert (read["notes"], read["details"][0]["rows"]) == (["read [this]"], {"nose": {"AP": None}})
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert rows[0] == ["sequence", "MOTA", "IDSW", "X"]
    assert rows[1:] == [["a [1]", "0.51234567", "3", ""], ["b", "1.0", "0", "0.5"], [COMBINED, "0.75", "3", ""]]
    with pytest.raises(VistreamError, match=r"\.json or \.csv"):
        TABLE.save(tmp_path / "t.xlsx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.json"]


def test_a_table_on_the_screen() -> None:
    screen = io.StringIO()
    Console(file=screen, width=80).print(TABLE)
    lines = [line.split() for line in screen.getvalue().splitlines()]
    assert ["Some", "[task]"] in lines
    assert ["MOTA", "IDSW"] in lines
    assert ["a", "[1]", "0.5123", "3"] in lines
    assert [COMBINED, "0.7500", "3"] in lines
    assert ["read", "[this]"] in lines
    assert ["nose", "-"] in lines
