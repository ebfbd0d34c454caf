"""How near to each other the two nearest centers of a pixel are, and what becomes of that.

    python ties.py MODEL.onnx

Runs an exported model in onnxruntime twice on images of noise and on periodic ones, the second time with
every color moved by 2e-7 of itself, and tells how many pixels have two centers within 1e-7, how many chose
another one, and how far the logits moved, relative to the largest. No weight stays where it begins, as in
onnx.rs, a fifth as far.
"""

import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

model = onnx.load(sys.argv[1])
moved = 0
for weight in model.graph.initializer:
    values = numpy_helper.to_array(weight)
    if values.dtype == np.float32 and values.size > 1:
        waves = np.sin((moved * 7919 + np.arange(values.size)).astype(np.float32))
        values = values + np.float32(0.02) * waves.reshape(values.shape)
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
        moved += 1

choices = [node for node in model.graph.node if node.op_type == "ArgMax"]
kind = onnx.TensorProto
for node in choices:
    for name, ty in [(node.input[0], kind.FLOAT), (node.output[0], kind.INT64)]:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, ty, None))
session = ort.InferenceSession(model.SerializeToString())
_, height, width, _ = session.get_inputs()[0].shape


def tell(name, image):
    image = image.astype(np.float32)
    signs = np.random.default_rng(0).choice([-1, 1], image.shape)
    nudged = (image * (1 + 2e-7 * signs)).astype(np.float32)
    before, after = (session.run(None, {"image": x}) for x in (image, nudged))
    pixels = near = changed = 0
    for node, values, first, second in zip(choices, before[1::2], before[2::2], after[2::2]):
        axis = next(a.i for a in node.attribute if a.name == "axis")
        values = np.sort(values, axis=axis)
        gap = np.take(values, -1, axis=axis) - np.take(values, -2, axis=axis)
        pixels, near = pixels + gap.size, near + (gap <= 1e-7).sum()
        changed += (first != second).sum()
    far = np.abs(before[0] - after[0]).max() / max(1, np.abs(before[0]).max())
    print(f"{name:10} {near} of {pixels} within 1e-7, {changed} chose another, logits moved {far:.1e}")


for seed in range(4):
    tell(f"noise {seed}", np.random.default_rng(seed).standard_normal((1, height, width, 3)))
for period in [4, 8, 16, 28, 32, 56]:
    wave = np.sin(2 * np.pi * np.arange(width) / period)
    tell(f"period {period}", np.broadcast_to(wave[None, None, :, None], (1, height, width, 3)))
