"""Loads exported weights into the PyTorch peer, every name and no other, and compares its logits.

    python load.py EXPORTED.safetensors
"""

import sys

import torch
from safetensors.torch import load_file

from make import HERE, SMALL, CLUENet

model = CLUENet(SMALL).eval()
model.load_state_dict(load_file(sys.argv[1]), strict=True)
answers = load_file(HERE / "answers.safetensors")
with torch.no_grad():
    error = (model(answers["in.x"]) - answers["out.logits"]).abs().max().item()
print(f"largest difference {error:.2e}")
sys.exit(error > 1e-6)
