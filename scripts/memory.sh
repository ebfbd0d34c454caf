#!/usr/bin/env bash
# What `cluec check` says a training and an evaluation take, beside the largest resident memory of either:
#
#     scripts/memory.sh CLUEC CIFAR100 PHOTOS
#
# CIFAR100 is the unpacked folder of the published pickles, PHOTOS an image folder of ten classes. Prints a
# row of a Markdown table for each.
set -euo pipefail
cluec=$1 cifar=$(realpath "$2") photos=$(realpath "$3")
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# row WHAT SET… : a training of three steps with its evaluation, and the evaluation of what it left.
row() {
    local what=$1 model=$2 data=$3 batch=$4 threads=$5
    shift 5
    local sets=() from=() foretold used
    for set in "$@"; do sets+=(--set "$set"); done
    [ -z "$data" ] || from=(--data "$data")
    local options=(--batch "$batch" --threads "$threads" --workers 1)
    foretold=$("$cluec" check "$model" "${sets[@]}" "${options[@]}" --format json)
    rm -rf runs
    used=$(peak "$cluec" train "$model" "${from[@]}" "${sets[@]}" "${options[@]}" --steps 3)
    told "$what" training "$foretold" "$used"
    used=$(peak "$cluec" eval runs/*/last.safetensors --batch "$batch" --threads "$threads")
    told "$what" inference "$foretold" "$used"
}

# The largest resident memory of a command, in KiB.
peak() {
    /usr/bin/time -o time.txt -f %M "$@" >said.txt 2>&1 || { cat said.txt >&2; return 1; }
    cat time.txt
}

told() {
    python3 - "$@" <<'PY'
import json, sys
what, work, foretold, used = sys.argv[1:]
[batch] = json.loads(foretold)["files"][0]["models"][0]["memory"]["batches"]
foretold, used = batch[work] / 2**20, int(used) / 2**10
print(f"| {what} | {work} | {foretold:.1f} | {used:.1f} | {100 * (foretold / used - 1):+.1f} % |")
PY
}

echo "| | | told, MiB | used | off by |"
echo "|---|---|---|---|---|"
tiny=$here/models/cluenet_tiny.clue cifar_model=$here/models/cluenet_cifar.clue
row "cluenet_tiny, batch 8" "$tiny" "$photos" 8 2 classes=10
row "the same in bf16" "$tiny" "$photos" 8 2 classes=10 recipe.precision=bf16
row "with a running mean, one thread" "$tiny" "$photos" 8 1 classes=10 recipe.ema=0.99
row "batch 9" "$tiny" "$photos" 9 2 classes=10
row "batch 32" "$tiny" "$photos" 32 2 classes=10
row "cluenet_cifar, batch 64" "$cifar_model" "$cifar" 64 2
row "batch 256" "$cifar_model" "$cifar" 256 2
row "examples/shapes.clue, batch 64" "$here/examples/shapes.clue" "" 64 2
