#!/usr/bin/env bash
# Everything that needs a GPU, in order: facts, kernels, sanitizer, training in every precision, where the
# time goes, speed beside PyTorch, real training.
#
# NOT RUN YET on a GPU: what is written here about one is what we expect.
#
#   scripts/gpu/run.sh --cluec target/release/cluec --tests target/debug/deps/main-… --out gpu-report
#
# It builds nothing and downloads nothing, so it can be handed binaries made elsewhere; run it from any
# folder of a checkout. A section whose tools or data are missing is reported as not run, and only a report
# in which every section asked for is ok ends with exit code 0. What the sections stand on:
#   --tests   the binary of `cargo test`: its module `cuda` checks each kernel against the CPU reference.
#             CLUEC_REQUIRE_GPU=1 is set for it, so that a GPU that is not found is a failure, not a skip.
#   --python  a Python with PyTorch for CUDA (benches/pytorch/README.md)
#   --data    cifar-100-python, the official pickles
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cluec=$root/target/release/cluec
tests=
out=gpu-report
python=python3
data=$root/data/cifar-100-python
train_seconds=480
sanitize=cuda::values     # a filter: sanitizers slow a kernel down a hundredfold
rounds=2
sections="facts tests sanitizer precision ops cifar-bf16 cifar-graphs cifar-fp32 cifar-fp16 tiny-bf16 train"

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
    echo "options: --cluec --tests --out --python --data --train-seconds N --sanitize FILTER --rounds N --sections \"$sections\""
    exit 2
}
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
        --cluec) cluec=$(realpath "$2") ;;
        --tests) tests=$(realpath "$2") ;;
        --out) out=$2 ;;
        --python) python=$2 ;;
        --data) data=$(realpath "$2") ;;
        --train-seconds) train_seconds=$2 ;;
        --sanitize) sanitize=$2 ;;
        --rounds) rounds=$2 ;;
        --sections) sections=$2 ;;
        *) usage ;;
    esac
    shift 2
done
mkdir -p "$out" && out=$(realpath "$out") && cd "$root" || exit 2
# PyTorch's wheels bring the libraries that cluec looks for: it looks into the environment it is told of.
[ -n "${VIRTUAL_ENV:-}" ] || VIRTUAL_ENV=$("$python" -c 'import sys; print(sys.prefix)') && export VIRTUAL_ENV
summary=()
status=0

# section NAME COMMAND…: runs it into NAME.log; exit code 3 of a section means that it could not be run.
section() {
    local name=$1 from=$SECONDS verdict
    [[ " $sections " == *" $name "* ]] || return 0
    printf '\n======== %s\n' "$name"
    shift
    "$@" 2>&1 | tee "$out/$name.log"
    case ${PIPESTATUS[0]} in
        0) verdict=ok ;;
        3) verdict="NOT RUN" status=1 ;;
        *) verdict=FAILED status=1 ;;
    esac
    summary+=("$(printf '%-10s %-8s %5d s' "$name" "$verdict" $((SECONDS - from)))")
}
missing() {
    echo "not run: $*"
    return 3
}

facts() {
    date -u +"%Y-%m-%d %H:%M UTC"
    git describe --always --dirty 2>/dev/null
    grep -m1 'model name' /proc/cpuinfo
    nvidia-smi || return 1
    nvidia-smi --query-gpu=name,compute_cap,memory.total,clocks.max.sm,clocks.max.mem,power.limit --format=csv
    "$cluec" --version && "$cluec" devices
}

# A filter that matches no test would pass.
have_tests() {
    [ -x "$tests" ] || { missing "no test binary; hand one over with --tests"; return; }
    [[ $("$tests" "$1" --list) == *": test"* ]] || { missing "$tests has no test named $1…"; return; }
}

# On the GPU alone: CXX names no compiler, so that nothing is emulated besides.
on_gpu() {
    CLUEC_REQUIRE_GPU=1 CXX=false "$@" --test-threads 1
}

gpu_tests() {
    have_tests cuda:: || return
    on_gpu "$tests" cuda::
}

sanitizer() {
    local tool found=0
    PATH=$PATH:/usr/local/cuda/bin
    command -v compute-sanitizer || { missing "compute-sanitizer is not on the path"; return; }
    have_tests "$sanitize" || return
    for tool in memcheck racecheck initcheck synccheck; do
        echo "-- $tool"
        on_gpu compute-sanitizer --tool "$tool" --error-exitcode 1 "$tests" "$sanitize" || found=1
    done
    return $found
}

# A short training in each precision, what it says of skipped steps, and that fp16 is resumed to the bit.
precision() {
    local name run failed=0
    for name in fp32 bf16 fp16; do
        run=$out/precision-$name
        rm -rf "$run"
        "$cluec" train examples/shapes.clue --out "$run" --device cuda --steps 250 \
            --set "recipe.precision=$name" || failed=1
        tail -n 1 "$run/metrics.jsonl"
    done
    "$cluec" verify-resume examples/shapes.clue --device cuda --steps 40 --set recipe.precision=fp16 \
        --set recipe.precision.loss_scale=1e9 --set recipe.precision.growth_interval=5 || failed=1
    return $failed
}

# Op by op, beside what the GPU copies and multiplies.
ops() {
    "$cluec" bench models/cluenet_cifar.clue --device cuda --batch 256 --steps 50 --ops=size \
        --set recipe.precision=bf16
}

# compare NAME MODEL BATCH CLUEC_ARGS PEER_ARGS VARIANT…: beside PyTorch, in turns.
compare() {
    local name=$1 model=$2 batch=$3 cluec_args=$4 peer_args=$5
    shift 5
    "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' \
        || { missing "$python has no PyTorch that sees the GPU"; return; }
    "$python" benches/compare.py "models/$model.clue" --cluec "$cluec" --device cuda --batch "$batch" \
        --threads "$(nproc)" --rounds "$rounds" --cluec-args="--steps 300 $cluec_args" \
        --peer-args="$peer_args" --variant "$@" >"$out/bench-$name.md"
    local code=$?
    cat "$out/bench-$name.md"
    return $code
}

# against NAME MODEL BATCH PRECISION PEER_ARGS VARIANT…
against() {
    local name=$1 model=$2 batch=$3 precision=$4 peer_args=$5
    shift 5
    section "$name" compare "$name" "$model" "$batch" "--set recipe.precision=$precision" "$peer_args" "$@"
}

# The published recipe for as long as there is time; called again with the same --out, it goes on.
train() {
    [ -d "$data" ] || { missing "no CIFAR-100 at $data; hand it over with --data"; return; }
    local run=$out/run what=(models/cluenet_cifar.clue --out "$out/run" --set recipe.precision=bf16)
    [ -e "$run" ] && what=(--resume "$run")
    # An interrupt saves the run, so reaching the limit is no failure.
    timeout --signal INT --kill-after 60 "$train_seconds" \
        "$cluec" train "${what[@]}" --device cuda --data "$data"
    local code=$?
    tail -n 3 "$run/metrics.jsonl"
    [ $code -eq 0 ] || [ $code -eq 124 ]
}

section facts facts
section tests gpu_tests
section sanitizer sanitizer
section precision precision
section ops ops
against cifar-bf16 cluenet_cifar 256 bf16 "" eager-amp compile-amp
against cifar-graphs cluenet_cifar 256 bf16 "--compile-mode reduce-overhead" compile-amp
against cifar-fp32 cluenet_cifar 256 fp32 "" eager compile
# The peer's AMP is bfloat16; half precision should cost it about the same.
against cifar-fp16 cluenet_cifar 256 fp16 "" eager-amp compile-amp
against tiny-bf16 cluenet_tiny 128 bf16 "" eager-amp compile-amp
section train train
printf '\n======== summary, in %s\n' "$out"
printf '%s\n' "${summary[@]}" | tee "$out/summary.txt"
exit $status
