"""Our reader of ONNX files equals the onnx package's; it refuses what reaches out of its folder, and damage."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnxfile import Network, colour_scores

from vistream.errors import VistreamError
from vistream.models.onnx_file import DTYPES, Unread, read_onnx, tensor
from vistream.models.onnx_session import OnnxSession
from vistream.models.onnx_wire import field


def written(folder: Path) -> Path:
    network = Network(32, 48)
    weight, bias = colour_scores(3, 4, 1)
    out = network.level(8, weight, bias)
    return network.write(folder / "a.onnx", {out: (1, 24, 7)}, {"names": "é", "stride": "32"}, [1, 3, "height", 32])


def test_equals_what_the_onnx_package_reads(tmp_path: Path) -> None:
    path = written(tmp_path)
    file, model = read_onnx(path), onnx.load(path)
    assert [(value.name, value.dtype, value.shape) for value in file.inputs] == [("image", 1, (1, 3, -1, 32))]
    assert [(value.name, value.shape) for value in file.outputs] == [(model.graph.output[0].name, (1, 24, 7))]
    assert file.metadata == {entry.key: entry.value for entry in model.metadata_props}
    assert (file.opsets, file.ir_version) == ({"": 13}, 8)
    for ours, theirs in zip(file.nodes, model.graph.node, strict=True):
        assert (ours.name, ours.op, ours.inputs, ours.outputs) == (
            theirs.name,
            theirs.op_type,
            tuple(theirs.input),
            tuple(theirs.output),
        )
        assert ours.attributes == {a.name: helper.get_attribute_value(a) for a in theirs.attribute}
    for weight in model.graph.initializer:
        np.testing.assert_array_equal(file.weight(weight.name), numpy_helper.to_array(weight))


def test_nodes_come_in_computing_order(tmp_path: Path) -> None:
    """Whatever the file's own: that of a converter to float16 has its casts at the end."""
    path = written(tmp_path)
    wanted = [node.outputs for node in read_onnx(path).nodes]
    model = onnx.load(path)
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)
    assert [node.outputs for node in read_onnx(path).nodes] == wanted
    model.graph.node[-1].input[0] = wanted[-1][0]  # a ring
    onnx.save(model, path)
    assert [node.outputs for node in read_onnx(path).nodes] == wanted[::-1]
    with pytest.raises(VistreamError, match=r"a\.onnx: onnxruntime cannot read"):
        OnnxSession(read_onnx(path))


@given(kind=st.sampled_from(sorted(DTYPES)), listed=st.booleans(), seed=st.integers(0, 99))
def test_tensors_of_every_type_in_both_encodings(kind: int, listed: bool, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 2, (2, 3)).astype(DTYPES[kind]) * DTYPES[kind](1)
    if kind in (1, 3, 5, 6, 7, 10, 11):
        values = -values
    made = (
        helper.make_tensor("t", kind, values.shape, values.ravel().tolist())
        if listed
        else numpy_helper.from_array(values, "t")
    )
    found = tensor(memoryview(made.SerializeToString()))
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("raw", [True, False])
def test_bfloat16_is_read_as_float32(raw: bool) -> None:
    values = [1.0, -2.5, 3.140625, 0.0, float("inf"), 2.0**-100]
    bits = (np.array(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    given = bits.tobytes() if raw else values
    made = helper.make_tensor("t", TensorProto.BFLOAT16, (2, 3), given, raw=raw)
    found = tensor(memoryview(made.SerializeToString()))
    assert found.dtype == np.float32 and found.reshape(-1).tolist() == values


def test_constants_that_are_not_read_are_held_with_the_reason(tmp_path: Path) -> None:
    network = Network(32, 32)
    out = network.given(np.zeros((1, 3, 6), np.float32))
    strings = numpy_helper.from_array(np.array(["a", "b"], object), "v")
    small = helper.make_tensor("w", TensorProto.FLOAT8E4M3FN, [1], b"8", raw=True)
    network.nodes.append(helper.make_node("Constant", [], ["text"], value=strings))
    network.constants.append(small)
    file = read_onnx(network.write(tmp_path / "a.onnx", {out: (1, 3, 6)}))
    assert file.nodes[-1].attributes["value"] == Unread("it holds strings, which are not read here")
    assert file.weight_shape("w") == (1,)
    with pytest.raises(VistreamError, match=r"its weight w can't be read \(it holds 8-bit floats, which are not read"):
        file.weight("w")


def test_a_constant_may_lie_in_another_file(tmp_path: Path) -> None:
    network = Network(32, 32)
    values = np.arange(18, dtype=np.float32).reshape(1, 3, 6)
    network.nodes.append(helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(values, "v")))
    path = network.write(tmp_path / "a.onnx", {network.add("Add", ["k", network.given(values)]): (1, 3, 6)})
    apart = tmp_path / "b.onnx"
    onnx.save(
        onnx.load(path), apart, save_as_external_data=True, location="w.bin", size_threshold=0, convert_attribute=True
    )
    np.testing.assert_array_equal(read_onnx(apart).nodes[0].attributes["value"], values)
    (tmp_path / "w.bin").write_bytes(b"")
    with pytest.raises(VistreamError, match="cut short"):
        read_onnx(apart)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_is_one_line(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damage")
    content = bytearray(written(folder).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "b.onnx").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        file = read_onnx(folder / "b.onnx")
        for name in file.weights:
            file.weight(name)
    except VistreamError as error:
        assert "\n" not in str(error)


def external(folder: Path, location: str, offset: int = 0, length: int = 12) -> Path:
    """A network that keeps its one weight, three floats, at `location`."""
    weight = TensorProto(name="w", data_type=1, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, entry in (("location", location), ("offset", str(offset)), ("length", str(length))):
        weight.external_data.add(key=key, value=entry)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g", [value("x", 1, [3])], [value("y", 1, [3])], [weight]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


def test_external_weights_stay_in_their_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    secret = np.array([1, 2, 3], np.float32).tobytes()
    for place in (tmp_path / "secret", home / "w.bin", home / "sub" / "w.bin"):
        place.write_bytes(secret)
    (home / "link").symlink_to(tmp_path / "secret")
    (home / "folder").symlink_to(tmp_path)
    os.mkfifo(home / "fifo")
    for good in ("w.bin", "sub/w.bin"):
        session = OnnxSession(read_onnx(external(home, good)))
        assert session({"x": np.zeros(3, np.float32)})["y"].tolist() == [1, 2, 3]
    for outside in ("../secret", "link", "folder/secret", str(tmp_path / "secret"), str(home / "w.bin")):
        with pytest.raises(VistreamError, match=r"net\.onnx: wants weights from .*, outside its own folder"):
            read_onnx(external(home, outside))
    with pytest.raises(VistreamError, match="'fifo', which is not a regular file"):
        read_onnx(external(home, "fifo"))
    with pytest.raises(VistreamError, match=r"'sub', which is not a regular file"):
        read_onnx(external(home, "sub"))
    with pytest.raises(VistreamError, match=r"should be in 'none\.bin' in the same folder, which is not there"):
        read_onnx(external(home, "none.bin"))
    with pytest.raises(VistreamError, match=r"weights in 'w\.bin' are cut short"):
        read_onnx(external(home, "w.bin", offset=4))


def test_external_weights_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """In a constant of a graph within an attribute of a node, for which no reader of headers would look."""
    outside = TensorProto(name="w", data_type=1, dims=[3], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="../secret")
    value = helper.make_tensor_value_info
    constant = helper.make_node("Constant", [], ["c"], value=outside)
    branch = helper.make_graph([constant], "branch", [], [value("c", 1, [3])])
    node = helper.make_node("If", ["b"], ["y"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph([node], "g", [value("b", 9, [])], [value("y", 1, [3])])
    path = tmp_path / "a.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    (tmp_path.parent / "secret").write_bytes(bytes(12))
    with pytest.raises(VistreamError, match=r"a\.onnx: wants weights from '\.\./secret', outside its own folder"):
        read_onnx(path)


def test_numbers_that_are_cut_short_are_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    cut = field(1, b"\x01") + field(2, 1) + field(4, bytes(6)) + field(8, "cut")  # one float, in 6 bytes
    path.write_bytes(field(7, onnx.load(path).graph.SerializeToString() + field(5, cut)))
    with pytest.raises(VistreamError, match=r"a\.onnx: its weight cut can't be read \("):
        read_onnx(path).weight("cut")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.onnx")
    with pytest.raises(VistreamError, match=r"net\.onnx: is not a regular file"):
        read_onnx(tmp_path / "net.onnx")


def test_graphs_without_end(tmp_path: Path) -> None:
    graph = b""
    for _ in range(200):  # a node with the attribute then_branch, in protocol buffers
        graph = field(1, field(4, "If") + field(5, field(1, "then_branch") + field(6, graph)))
    (tmp_path / "a.onnx").write_bytes(field(7, graph))
    with pytest.raises(VistreamError, match="not an ONNX file, or cut short"):
        read_onnx(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("domain", "op", "owner"), [("", "EfficientNMS_TRT", "TensorRT"), ("mmdeploy", "NMSRotated", "mmdeploy")]
)
def test_plugins_of_other_runtimes_are_named(tmp_path: Path, domain: str, op: str, owner: str) -> None:
    value = helper.make_tensor_value_info
    node = helper.make_node(op, ["x"], ["y"], domain=domain)
    graph = helper.make_graph([node], "g", [value("x", 1, [3])], [value("y", 1, [3])])
    opsets = [helper.make_opsetid(name, 13) for name in {"", domain}]
    path = tmp_path / "a.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    with pytest.raises(VistreamError, match=rf"a\.onnx: holds {op}, an operation of {owner} that is no part of ONNX"):
        OnnxSession(read_onnx(path))


def test_waiting_threads_leave_the_processor_to_others(tmp_path: Path) -> None:
    options = OnnxSession(read_onnx(written(tmp_path)))._session.get_session_options()
    for pool in ("intra_op", "inter_op"):
        assert options.get_session_config_entry(f"session.{pool}.allow_spinning") == "0"
