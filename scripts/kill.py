#!/usr/bin/env python3
"""Kills a short training at random moments and goes on with it, again and again.

    cargo build --release
    scripts/kill.py --kills 100

Trains `tests/train/tiny.clue` once without interruption. Then starts the same training, kills it
(SIGKILL) at a random moment, goes on with other numbers of threads and workers, kills it again; a run
that comes to its end is compared with the first one, and the next begins. What is compared: the hash of
the weights, the checkpoints byte by byte, and every line of the metrics but for how fast it went.
Exit code 1 if anything differs.
"""

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(description="Kills a training at random moments.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/cluec")
    parser.add_argument("--file", type=Path, default=ROOT / "tests/train/tiny.clue")
    return parser.parse_args()


def weights(path):
    """The hash of the tensors of a checkpoint, the moments of the optimizer with them."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    digest = hashlib.sha256()
    for name in sorted(name for name in header if name != "__metadata__"):
        start, end = header[name]["data_offsets"]
        digest.update(name.encode())
        digest.update(data[8 + length + start : 8 + length + end])
    return digest.hexdigest()[:16]


def metrics(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "images_per_second"} for line in lines]


def differences(whole, run):
    """What of a run is not as in the uninterrupted one."""
    files = ["last.safetensors", "best.safetensors", "model.clue", "graph.txt"]
    found = [file for file in files if (whole / file).read_bytes() != (run / file).read_bytes()]
    found += ["metrics.jsonl"] if metrics(whole) != metrics(run) else []
    rows = len((run / "metrics.csv").read_text().splitlines()) - 1
    return found + (["metrics.csv"] if rows != len(metrics(run)) else [])


def main():
    args = arguments()
    moments = random.Random(args.seed)
    folder = Path(tempfile.mkdtemp(prefix="cluec-kill-"))

    def start(words):
        command = [args.program.resolve(), "train", *words]
        pipe = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=subprocess.PIPE, text=True)

    def fresh(out):
        return [args.file.resolve(), "--epochs", str(args.epochs), "--out", str(out)]

    whole, run = folder / "whole", folder / "run"
    began = time.monotonic()
    child = start(fresh(whole))
    if child.wait() != 0:
        sys.exit(child.stderr.read())
    took = time.monotonic() - began
    wanted = weights(whole / "last.safetensors")
    print(f"{args.file.name}, {args.epochs} epochs in {took:.2f} s: weights {wanted}")

    kills = ends = early = 0
    wrong = []
    while kills < args.kills or run.exists():
        if (run / "last.safetensors").exists():
            threads, workers = moments.randint(1, 4), moments.randint(1, 4)
            words = ["--resume", str(run), "--threads", str(threads), "--workers", str(workers)]
        else:
            # Killed before its first checkpoint it can not go on: it begins anew.
            early += run.exists()
            shutil.rmtree(run, ignore_errors=True)
            words = fresh(run)
        child = start(words)
        try:
            patience = moments.uniform(0, took) if kills < args.kills else None
            _, said = child.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            kills += 1
            continue
        if child.returncode != 0:
            wrong.append(f"after {kills} kills it ended with {child.returncode}: {said}")
            break
        ends += 1
        found = weights(run / "last.safetensors")
        differ = differences(whole, run)
        print(f"{kills:4} kills, run {ends}: weights {found}" + "".join(f", {x} DIFFERS" for x in differ))
        wrong += differ + (["weights"] if found != wanted else [])
        shutil.rmtree(run)

    print(f"{kills} kills ({early} before the first checkpoint), {ends} runs at their end, "
          f"{'all equal' if not wrong else wrong}")
    shutil.rmtree(folder)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
