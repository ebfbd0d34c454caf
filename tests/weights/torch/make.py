"""Makes the files of this folder: one small CLUENet of the PyTorch peer as torch.save writes it in three
ways, and what it answers. Needs torch, numpy and safetensors; the files are committed.

    python make.py
"""

import argparse
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../benches/pytorch"))
from cluenet import CLUENet, Config  # noqa: E402

# tests/weights/small.clue says the same.
SMALL = Config(
    depths=(2, 1), widths=(8, 16), ratios=(2, 2), heads=(2, 2), head_widths=(4, 4), grids=((2, 2), (2, 2)),
    patch=(3, 2, 1), pool_norm=True, classes=4, image=(16, 16),
)  # fmt: skip


def model() -> CLUENet:
    """Every parameter away from where it begins, and exact in sixteen bits: all files hold the same numbers."""
    torch.manual_seed(7)
    model = CLUENet(SMALL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
            parameter.copy_(parameter.bfloat16().float())
    return model


def training(model: CLUENet) -> dict:
    """What a training script leaves: weights among other things, one of them a 0-d double as published."""
    weights = OrderedDict((k, v.double() if k.endswith("attn_alpha") else v) for k, v in model.state_dict().items())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {
        "epoch": 105,
        "model_state_dict": weights,
        "optimizer_state_dict": optimizer.state_dict(),
        "args": argparse.Namespace(model="small", lr=1e-3),
        "accuracy": np.float64(76.55),
        "names": {"a set", "of names"},
    }


def views(model: CLUENet) -> OrderedDict:
    """Wrapped by DataParallel; every tensor a view into one storage of doubles, matrices transposed in it."""
    tensors = model.state_dict()
    flat = torch.cat([t.T.reshape(-1) if t.dim() == 2 else t.reshape(-1) for t in tensors.values()]).double()
    result, at = OrderedDict(), 0
    for name, tensor in tensors.items():
        part = flat[at : at + tensor.numel()]
        at += tensor.numel()
        result[f"module.{name}"] = part.view(tensor.T.shape).T if tensor.dim() == 2 else part.view(tensor.shape)
    return result


def halves(model: CLUENet) -> dict:
    """Matrices as parameters in bf16, the rest in fp16 where that holds it."""

    def half(tensor: torch.Tensor) -> torch.Tensor:
        exact = tensor.half()
        return exact if tensor.dim() < 2 and torch.equal(exact.float(), tensor) else tensor.bfloat16()

    return {k: torch.nn.Parameter(half(v)) for k, v in model.state_dict().items()}


def main():
    small = model()
    torch.save(training(small), HERE / "training.pth")
    torch.save(views(small), HERE / "views.pth")
    torch.save(halves(small), HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    x = torch.randn(3, 3, 16, 16)
    with torch.no_grad():
        save_file({"in.x": x, "out.logits": small(x)}, HERE / "answers.safetensors")


if __name__ == "__main__":
    main()
