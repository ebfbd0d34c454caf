"""Speed and memory of the PyTorch peer on synthetic images: one JSON line per case, the keys of `cluec bench`.

    python bench.py cluenet_cifar --batch 64 --threads 2
    python bench.py cluenet_cifar --batch 256 --device cuda --variant eager-amp compile-amp
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

VARIANTS = "eager", "compile", "eager-amp", "compile-amp"
MODES = "train", "infer"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="cluenet_cifar, _micro, _tiny, _small or _base")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--variant", nargs="+", choices=VARIANTS, default=["eager", "compile"],
                        help="amp is bf16 autocast")
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--image", type=int, nargs=2, metavar=("H", "W"), help="another image size than the model's own")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts, compilation apart")
    parser.add_argument("--steps", type=int, default=15, help="timed samples")
    parser.add_argument("--repeat", type=int, help="steps per sample; default 1, on a GPU 10")
    parser.add_argument("--compile-mode", default="default", choices=("default", "reduce-overhead", "max-autotune"))
    parser.add_argument("--tf32", action="store_true", help="let a GPU round fp32 products to TF32")
    return parser.parse_args()


def resident(key: str) -> int:
    """VmRSS (now) or VmHWM (peak) of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def run(args: argparse.Namespace, variant: str, mode: str) -> dict:
    """One case, in this process: it must be a fresh one, or its peak memory is another case's."""
    import torch
    import torch.nn.functional as F

    from cluenet import CLUENet, MODELS

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    cuda, (style, _, amp) = args.device == "cuda", variant.partition("-")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.tf32
    torch.backends.cudnn.benchmark = True
    base = resident("VmRSS")

    config = MODELS[args.model]
    image = args.image or config.image
    model = CLUENet(config).to(args.device, memory_format=torch.channels_last).train(mode == "train")
    images = torch.randn(args.batch, 3, *image, device=args.device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(config.classes, (args.batch,), device=args.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)
    forward = torch.compile(model, mode=args.compile_mode) if style == "compile" else model

    def autocast():
        return torch.autocast(args.device, torch.bfloat16) if amp else contextlib.nullcontext()

    def train():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            loss = F.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()

    @torch.inference_mode()
    def infer():
        with autocast():
            forward(images)

    step, repeat = (train if mode == "train" else infer), args.repeat or (10 if cuda else 1)

    def sample() -> float:
        """Images per second over a few steps."""
        started = time.perf_counter()
        for _ in range(repeat):
            step()
        if cuda:
            torch.cuda.synchronize()
        return repeat * args.batch / (time.perf_counter() - started)

    step()  # compiles
    for _ in range(args.warmup):
        step()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()  # what compiling and choosing kernels took is not the step's
    rates = [sample() for _ in range(args.steps)]
    return {
        "model": args.model,
        "executor": f"pytorch {variant}",
        "device": args.device,
        "mode": mode,
        "batch": args.batch,
        "threads": args.threads,
        "images_per_second": {"median": statistics.median(rates), "min": min(rates), "max": max(rates)},
        "peak_bytes": torch.cuda.max_memory_allocated() if cuda else resident("VmHWM"),
        # What the process held before there was a model: the interpreter and PyTorch itself.
        "base_bytes": 0 if cuda else base,
        "image": list(image),
        "precision": "bf16 autocast" if amp else "tf32" if cuda and args.tf32 else "fp32",
        "torch": torch.__version__,
    }


def main() -> int:
    args = parse()
    cases = [(variant, mode) for variant in args.variant for mode in args.mode]
    if len(cases) == 1:
        print(json.dumps(run(args, *cases[0])), flush=True)
        return 0
    failed = 0
    for variant, mode in cases:  # a later option overrides an earlier one
        command = [sys.executable, *sys.argv, "--variant", variant, "--mode", mode]
        failed += subprocess.run(command).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
