"""Checks the PyTorch peer against the reference tensors: every value, gradient, choice and an AdamW step.

    python check.py [FOLDER]     FOLDER holds the reference files and their manifest.json
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from cluenet import CLUENet, ClusterPool, Config, Mixer, MODELS

ROOT = Path(__file__).resolve().parents[2]
VALUE = 2e-5  # absolute: logits, loss, taps, similarities
GRADIENT = 1e-3, 1e-6  # relative (L2) plus absolute
STEP = 1e-6  # absolute: parameters after a step driven by the stored gradients
PARAMETERS = {"cifar": 3_016_788, "micro": 3_017_908, "tiny": 5_680_430, "small": 15_048_840, "base": 30_198_452}


def config_of(case: dict) -> Config:
    c = case["config"]
    return Config(
        depths=tuple(c["layers"]), widths=tuple(c["embed_dims"]), ratios=tuple(c["mlp_ratios"]),
        heads=tuple(c["heads"]), head_widths=tuple(c["head_dim"]), grids=tuple(zip(c["cluster_h"], c["cluster_w"])),
        patch=(c["in_patch_size"], c["in_stride"], c["in_pad"]), downsample=tuple(c["downsamples"]),
        pool_norm=c["pool_norm2"], shared=c.get("sim_share", True), min_tau=c["min_alpha"],
        drop_path=c["drop_path_rate"], classes=case["num_classes"], image=(case["H"], case["W"]),
    )  # fmt: skip


def watch(model: CLUENet) -> dict[str, torch.Tensor]:
    """Everything the model lets through while it runs, under the keys of the reference."""
    seen = {}

    def hook(name):
        def keep(module, inputs, output):
            if isinstance(output, tuple):
                output, assignment = output
                seen[f"simval.{name}"], winner = assignment.max(dim=-1)
                seen[f"assign.{name}"] = winner
                if isinstance(module, Mixer):
                    seen[f"assign_canon.{name}"] = lowest_twin(module.grid, inputs[0].shape[1:3])[winner]
            if output.dim() == 4:
                seen[f"tap.{name}"] = output.permute(0, 3, 1, 2)

        return keep

    for name, module in model.named_modules():
        module.register_forward_hook(hook(name))
        if isinstance(module, ClusterPool):
            module.assign = keep_result(seen, f"assign.{name}", module.assign)
    return seen


def keep_result(seen, key, function):
    def kept(*inputs):
        seen[key] = function(*inputs)
        return seen[key]

    return kept


def lowest_twin(grid, shape) -> torch.Tensor:
    """For each center the first one that pools the very same bin; these tie, up to rounding."""

    def bins(pixels, centers):
        return [(i * pixels // centers, -(-(i + 1) * pixels // centers)) for i in range(centers)]

    all_bins = [(r, c) for r in bins(shape[0], grid[0]) for c in bins(shape[1], grid[1])]
    return torch.tensor([all_bins.index(b) for b in all_bins])


class Tally:
    """Largest error of each group, and what is out of tolerance."""

    def __init__(self):
        self.worst, self.count, self.failed = defaultdict(float), defaultdict(int), []

    def note(self, group, key, error, allowed):
        self.count[group] += 1
        self.worst[group] = max(self.worst[group], error)
        if not error <= allowed:
            self.failed.append(f"{key}: {error:.3g}, allowed {allowed:.3g}")

    def value(self, group, key, ours, theirs, allowed):
        self.note(group, key, (ours.double() - theirs.double()).abs().max().item(), allowed)


def check(config: Config, reference: dict[str, torch.Tensor], compiled: bool) -> Tally:
    tally = Tally()
    model = CLUENet(config).train()
    weights = {k.removeprefix("w."): t for k, t in reference.items() if k.startswith("w.")}
    model.load_state_dict(weights, strict=True)
    x = reference["in.x"].clone().requires_grad_()
    seen = {} if compiled else watch(model)
    logits = (torch.compile(model) if compiled else model)(x)
    loss = F.cross_entropy(logits, reference["in.labels"])
    loss.backward()

    tally.value("logits", "logits", logits, reference["out.logits"], VALUE)
    tally.value("loss", "loss", loss, reference["out.loss"], VALUE)
    for key, theirs in reference.items():
        group = key.split(".")[0]
        if group in ("tap", "simval") and not compiled:
            tally.value(group, key, seen[key], theirs, VALUE)
        elif group in ("assign", "assign_canon") and not compiled:
            twin = key.replace("assign.", "assign_canon.")
            if group == "assign" and twin in reference:  # judged by the twin, where twins cannot tie
                continue
            tally.note("assign", key, (seen[key] != theirs).sum().item(), 0)
    gradients = {f"grad.{name}": p.grad for name, p in model.named_parameters()} | {"grad.in.x": x.grad}
    for key, ours in gradients.items():
        theirs = reference[key]
        error, size = (ours - theirs).double().norm().item(), theirs.double().norm().item()
        tally.note("gradient", key, error / (GRADIENT[0] * size + GRADIENT[1]), 1.0)

    for name, parameter in model.named_parameters():
        parameter.grad = reference[f"grad.{name}"].clone().view_as(parameter)
    torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True).step()
    for name, parameter in model.named_parameters():
        tally.value("step", f"step.{name}", parameter, reference[f"step.{name}"].view_as(parameter), STEP)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "../shared/fixtures/cluenet")
    parser.add_argument("--compile", action="store_true", help="through torch.compile: logits, gradients and step only")
    args = parser.parse_args()
    torch.manual_seed(0)
    bad = 0
    for name, expected in PARAMETERS.items():
        count = sum(p.numel() for p in CLUENet(MODELS[f"cluenet_{name}"]).parameters())
        bad += count != expected
        print(f"cluenet_{name:<6} {count:>10,} parameters{'' if count == expected else f', expected {expected:,}'}")
    print("Largest errors (gradient: as a share of what is allowed; assign: pixels that chose otherwise)")
    for name, case in json.loads((args.folder / "manifest.json").read_text())["cases"].items():
        tally = check(config_of(case), load_file(args.folder / case["file"]), args.compile)
        groups = "  ".join(f"{g} {e:.2g} ({tally.count[g]})" for g, e in tally.worst.items())
        print(f"{name:<14} {'DIFFERS' if tally.failed else 'agrees'}  {groups}")
        for line in tally.failed:
            print(f"    {line}")
        bad += bool(tally.failed)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
