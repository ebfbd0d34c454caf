"""Checks and runs every `NAME.onnx` of a folder on the images in `NAME.images`, as it is and with every
choice given.

    python run_onnx.py FOLDER     images and logits are raw little-endian f32, choices u32

Which center a pixel chooses is an `ArgMax`. `NAME.choices` holds what cluec chose, `[batch, heads, N]` of
one after another. The model as it is gives `NAME.logits`; with those choices put in the place of its own it
gives `NAME.forced`, and `NAME.json` says of every image how many pixels it would have let choose another
center, and how much better than what is given the best center of a pixel is, at most.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper

INT64, FLOAT = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT


def run(model, inputs):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def shapes_of(model):
    """The lengths of every value, without the batch."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim[1:]] for v in inferred}


def given(model):
    """The names of all choices, each made an input; two more outputs of each: what it would have been,
    and how much worse the one given is."""
    graph, names = model.graph, []
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), "last axis"))
    for node in [node for node in graph.node if node.op_type == "ArgMax"]:
        (scores,), (choice,) = node.input, node.output
        free, short = f"{choice} free", f"{choice} short"
        node.output[0] = free
        graph.node.extend([
            helper.make_node("GatherElements", [scores, choice], [f"{choice} score"], axis=-1),
            helper.make_node("ReduceMax", [scores, "last axis"], [f"{choice} best"], keepdims=1),
            helper.make_node("Sub", [f"{choice} best", f"{choice} score"], [short]),
        ])
        graph.input.append(helper.make_tensor_value_info(choice, INT64, None))
        graph.output.append(helper.make_tensor_value_info(free, INT64, None))
        graph.output.append(helper.make_tensor_value_info(short, FLOAT, None))
        names.append(choice)
    return names


for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    (image,), (logits,) = model.graph.input, model.graph.output
    batch, *size = [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim]
    assert (image.name, logits.name, batch) == ("image", "logits", "batch"), model.graph.input
    images = np.fromfile(path.with_suffix(".images"), "<f4").reshape(-1, *size)
    (result,) = run(path, {"image": images})
    (classes,) = [d.dim_value for d in logits.type.tensor_type.shape.dim[1:]]
    assert list(result.shape) == [len(images), classes], result.shape
    result.astype("<f4").tofile(path.with_suffix(".logits"))

    shapes = shapes_of(model)
    names = given(model)
    rest = np.fromfile(path.with_suffix(".choices"), "<u4").astype(np.int64)
    choices = {}
    for name in names:
        shape = [len(images), *shapes[name]]
        count = np.prod(shape)
        choices[name], rest = rest[:count].reshape(shape), rest[count:]
    assert rest.size == 0, f"{path}: {rest.size} choices more than the model makes"
    forced, *seen = run(model.SerializeToString(), {"image": images, **choices})
    forced.astype("<f4").tofile(path.with_suffix(".forced"))
    each = range(len(images))
    report = [{"others": 0, "short": 0.0} for _ in each]
    for name, free, short in zip(names, seen[0::2], seen[1::2]):
        for i in each:
            report[i]["others"] += int((free[i] != choices[name][i]).sum())
            report[i]["short"] = max(report[i]["short"], float(short[i].max()))
    path.with_suffix(".json").write_text(json.dumps(report))
    made = sum(c.size for c in choices.values()) // len(images)
    print(path.stem, f"{len(model.graph.node)} nodes, {made} choices an image")
