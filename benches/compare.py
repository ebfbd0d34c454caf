"""`cluec bench` beside the PyTorch peer, taking turns on the same machine: a table in Markdown.

    python benches/compare.py models/cluenet_cifar.clue --batch 64 --threads 2

Run it with the Python that has PyTorch (benches/pytorch/README.md), on an otherwise idle machine.
"""

import argparse
import json
import platform
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a .clue file; its stem names the peer's model unless --model does")
    parser.add_argument("--model", help="the model's name")
    parser.add_argument("--cluec", default=str(ROOT / "target/release/cluec"), help="the program to measure")
    parser.add_argument("--cluec-args", default="", help="more options of `cluec bench`, in one string")
    parser.add_argument("--peer-args", default="", help="more options of bench.py, in one string")
    parser.add_argument("--variant", nargs="*", default=["eager", "compile"], help="variants of the peer; may be none")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=2, help="how often everyone takes a turn")
    return parser.parse_args()


def contenders(args: argparse.Namespace) -> list[list[str]]:
    """The commands of one round. Every one of them starts fresh processes."""
    common = ["--batch", str(args.batch), "--threads", str(args.threads)]
    name = [args.model] if args.model else []
    # Only asked for where it is not the default, so that a build without CUDA can be compared too.
    device = ["--device", args.device] if args.device != "cpu" else []
    cluec = [args.cluec, "bench", str(args.file), *name, *common, *device, "--format", "json"]
    script = str(ROOT / "benches/pytorch/bench.py")
    peer = [sys.executable, script, args.model or args.file.stem, *common, "--device", args.device]
    return [cluec + shlex.split(args.cluec_args)] + [
        [*peer, "--variant", variant, *shlex.split(args.peer_args)] for variant in args.variant
    ]


def machine(device: str) -> str:
    if device == "cuda":
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True).stdout.strip()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def table(results: dict[tuple[str, str], list[dict]]) -> str:
    """Medians over the rounds; the range spans all of them. Ratios say how cluec compares."""
    lines = ["| mode | executor | images/s | range | peak MiB | cluec is faster by | and smaller by |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for mode in dict.fromkeys(mode for mode, _ in results):
        rows = []
        for (of, executor), cases in results.items():
            if of == mode:
                rates = [case["images_per_second"] for case in cases]
                span = f"{min(r['min'] for r in rates):.1f} to {max(r['max'] for r in rates):.1f}"
                peak = max(case["peak_bytes"] for case in cases)
                rows.append((executor, median(r["median"] for r in rates), span, peak))
        ours = next((row for row in rows if not row[0].startswith("pytorch")), None)
        for row in rows:
            executor, rate, span, peak = row
            peer = ours is not None and executor.startswith("pytorch")
            ratios = f"{ours[1] / rate:.2f}x | {peak / ours[3]:.2f}x" if peer else " | "
            lines.append(f"| {mode} | {executor} | {rate:.1f} | {span} | {peak / 2**20:.0f} | {ratios} |")
    return "\n".join(lines)


def cases(command: list[str]) -> Iterator[dict]:
    """What a command measures, as soon as it tells; ends with an error if it fails."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        for line in filter(None, map(str.strip, running.stdout)):
            yield json.loads(line)
    if running.returncode != 0:
        raise subprocess.CalledProcessError(running.returncode, command)


def main() -> int:
    args = parse()
    results, versions, failed = defaultdict(list), set(), False
    try:
        for turn in range(args.rounds):
            for command in contenders(args):
                print(f"round {turn + 1}: {shlex.join(command)}", file=sys.stderr, flush=True)
                try:
                    for case in cases(command):
                        if not case["executor"].startswith("pytorch"):
                            case["executor"] = f"cluec {case['executor']}"
                        versions.add(f"PyTorch {case['torch']}" if "torch" in case else "")
                        results[case["mode"], case["executor"]].append(case)
                except subprocess.CalledProcessError as error:
                    print(f"failed with exit code {error.returncode}", file=sys.stderr)
                    failed = True
    except KeyboardInterrupt:
        print("interrupted: the table has what was measured until then", file=sys.stderr)
        failed = True
    version = subprocess.run([args.cluec, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{args.model or args.file.stem}, batch {args.batch}, {args.threads} threads, {args.device};"
          f" {args.rounds} rounds in turn on {date.today()}; {machine(args.device)};"
          f" {', '.join(filter(None, [version, *sorted(versions)]))}.")  # fmt: skip
    print(f"`python {shlex.join(sys.argv)}`\n")
    print(table(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
