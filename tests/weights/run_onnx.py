"""Checks and runs every `NAME.onnx` of a folder on the images in `NAME.images`; writes `NAME.logits`.

    python run_onnx.py FOLDER     images and logits are raw little-endian f32
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (image,), (logits,) = session.get_inputs(), session.get_outputs()
    assert (image.name, logits.name) == ("image", "logits"), (image.name, logits.name)
    assert image.shape[0] == logits.shape[0] == "batch", image.shape
    images = np.fromfile(path.with_suffix(".images"), "<f4").reshape(-1, *image.shape[1:])
    (result,) = session.run(None, {"image": images})
    assert list(result.shape) == [len(images), logits.shape[1]], result.shape
    result.astype("<f4").tofile(path.with_suffix(".logits"))
    print(path.stem, [p.key for p in model.metadata_props], len(model.graph.node), "nodes")
