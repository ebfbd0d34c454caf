#!/usr/bin/env bash
# Everything that needs a GPU, in order of worth: facts, kernels, whole models, speed beside PyTorch, where the
# time goes, real training, training in every precision, sanitizers, more comparisons.
#
# On an H100 facts, cifar-bf16 and what tests and ops were before was run (docs/performance.md); NOT RUN YET on
# any: the rest. On the emulated GPU of tests/cuda/platform the sections tests and fixtures pass
# (LD_LIBRARY_PATH, an absolute path of target/tmp/platform-…).
#
#   scripts/gpu/run.sh --cluec target/release/cluec --tests target/debug/deps/main-… --out gpu-report
#
# It builds nothing and downloads nothing, so it can be handed binaries made elsewhere; run it from any
# folder of a checkout. A section whose tools or data are missing, or that no time is left for, is reported
# as not run, and only a report in which every section asked for is ok ends with exit code 0. What the
# sections stand on:
#   --tests   the binary of `cargo test`: its module `cuda` checks each kernel against the CPU reference.
#             CLUEC_REQUIRE_GPU=1 is set for it, so that a GPU that is not found is a failure, not a skip.
#   --fixtures  tensors of the published code, which whole models are compared with
#   --python  a Python with PyTorch for CUDA (benches/pytorch/README.md)
#   --data    cifar-100-python, the official pickles
# How long it may take: each section has a limit (--limit NAME=SECONDS, as often as needed; `--sections ""`
# tells them all), and --seconds bounds the whole run. What a section that is cut short found until then is
# kept. After every section summary.txt grows by a line and everything but checkpoints is packed into
# --archive.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cluec=$root/target/release/cluec
tests=
out=gpu-report
archive=
python=python3
data=$root/data/cifar-100-python
fixtures=$root/../shared/fixtures
sanitize=cuda::values     # a filter: sanitizers slow a kernel down a hundredfold
rounds=2
jobs=8        # tests at once
seconds=
sections="facts tests fixtures cifar-bf16 ops train precision racecheck memcheck synccheck cifar-fp16 cifar-graphs cifar-fp32 tiny-bf16"
declare -A limits=(
    [facts]=60 [tests]=300 [fixtures]=60 [cifar-bf16]=600 [ops]=180 [train]=480 [precision]=240
    [racecheck]=400 [memcheck]=400 [synccheck]=300
    [cifar-fp16]=120 [cifar-graphs]=400 [cifar-fp32]=600 [tiny-bf16]=600
)

usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
    echo "options: --cluec --tests --out --archive --python --data --fixtures --sanitize FILTER --rounds N"
    echo "         --jobs N --seconds N"
    echo "         --limit NAME=SECONDS --sections \"$sections\""
    echo "limits, in seconds:"
    for name in $sections; do echo "  $name=${limits[$name]}"; done
    exit 2
}
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] && [ -n "$2" ] || usage
    case $1 in
        --cluec) cluec=$(realpath "$2") ;;
        --tests) tests=$(realpath "$2") ;;
        --out) out=$2 ;;
        --archive) archive=$(realpath "$2") ;;
        --python) python=$2 ;;
        --data) data=$(realpath "$2") ;;
        --fixtures) fixtures=$(realpath "$2") ;;
        --sanitize) sanitize=$2 ;;
        --rounds) rounds=$2 ;;
        --jobs) jobs=$2 ;;
        --seconds) seconds=$2 ;;
        --limit) [ -n "${limits[${2%%=*}]:-}" ] && limits[${2%%=*}]=${2#*=} || usage ;;
        --sections)
            for name in $2; do [ -n "${limits[$name]:-}" ] || usage; done
            sections=$2
            ;;
        *) usage ;;
    esac
    shift 2
done
mkdir -p "$out" && out=$(realpath "$out") && cd "$root" || exit 2
archive=${archive:-$out/results.tar.gz}
# PyTorch's wheels bring the libraries that cluec looks for: it looks into the environment it is told of.
[ -n "${VIRTUAL_ENV:-}" ] || VIRTUAL_ENV=$("$python" -c 'import sys; print(sys.prefix)') && export VIRTUAL_ENV
status=0
deadline=0
: >"$out/summary.txt"

# What the section at hand starts, until its time is up. An interrupt, so that trainings are saved and
# comparisons tell what they have; exit code 124 then.
limited() {
    local left=$((deadline - SECONDS))
    [ $left -gt 0 ] || return 124
    timeout --signal INT --kill-after 30 "$left" "$@"
}

# Packs what is there: the archive is whole at any time.
pack() {
    (cd "$out" && tar --exclude="*.safetensors" --exclude="*.tar.gz*" -czf "$archive.new" -- *) &&
        mv "$archive.new" "$archive"
}

# section NAME COMMAND…: runs it into NAME.log; exit code 3 of a section means that it could not be run.
section() {
    local name=$1 from=$SECONDS verdict left
    [[ " $sections " == *" $name "* ]] || return 0
    printf '\n======== %s\n' "$name"
    shift
    deadline=$((from + limits[$name]))
    left=$((${seconds:-$deadline} - from))
    [ -z "$seconds" ] || [ "$seconds" -ge "$deadline" ] || deadline=$seconds
    if [ -n "$seconds" ] && [ $left -lt 10 ]; then
        set -- missing "no time is left"
    fi
    "$@" 2>&1 | tee "$out/$name.log"
    case ${PIPESTATUS[0]} in
        0) verdict=ok ;;
        3) verdict="NOT RUN" status=1 ;;
        124) verdict="CUT OFF" status=1 ;;
        *) verdict=FAILED status=1 ;;
    esac
    printf '%-12s %-8s %5d s\n' "$name" "$verdict" $((SECONDS - from)) >>"$out/summary.txt"
    pack
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
    "$cluec" --version && limited "$cluec" devices
}

# A filter that matches no test would pass.
have_tests() {
    [ -x "$tests" ] || { missing "no test binary; hand one over with --tests"; return; }
    [[ $("$tests" "$1" --list) == *": test"* ]] || { missing "$tests has no test named $1…"; return; }
}

on_gpu() {
    CLUEC_REQUIRE_GPU=1 CLUEC_PROGRAM=$cluec limited "$@" --test-threads 1
}

# Each test in a process of its own, several at once: once a kernel has failed badly, all that follows in its
# process fails.
gpu_tests() {
    have_tests cuda:: || return
    export -f on_test
    export out tests
    rm -rf "$out/tests" && mkdir "$out/tests"
    "$tests" cuda:: --list | sed -n 's/: test$//p' |
        CLUEC_REQUIRE_GPU=1 CLUEC_PROGRAM=$cluec limited xargs -P "$jobs" -I{} bash -c 'on_test {}'
}
on_test() {
    local from=$SECONDS said=ok code
    "$tests" --exact "$1" --nocapture >"$out/tests/${1//::/-}.txt" 2>&1
    code=$?
    # A test that is left out passes without having run.
    [ $code -ne 0 ] || grep -q ' 1 passed' "$out/tests/${1//::/-}.txt" || code=1
    [ $code -eq 0 ] || said="FAILED ($code)"
    printf '%-90s %s in %d s\n' "$1" "$said" $((SECONDS - from))
    [ $code -eq 0 ] || tail -n 40 "$out/tests/${1//::/-}.txt"
    # Not the code itself: xargs makes another of some.
    [ $code -eq 0 ]
}

# On all executors, that on the GPU among them.
whole_models() {
    [ -f "$fixtures/cluenet/manifest.json" ] ||
        { missing "no reference tensors at $fixtures; hand them over with --fixtures"; return; }
    have_tests exec::whole::whole_models_agree || return
    have_tests exec::families::the_other_families_agree || return
    CLUEC_FIXTURES=$fixtures on_gpu "$tests" --exact --nocapture \
        exec::whole::whole_models_agree exec::families::the_other_families_agree
}

# sanitizer TOOL OPTION…
sanitizer() {
    local tool=$1
    shift
    PATH=$PATH:/usr/local/cuda/bin
    command -v compute-sanitizer || { missing "compute-sanitizer is not on the path"; return; }
    have_tests "$sanitize" || return
    on_gpu compute-sanitizer --tool "$tool" --error-exitcode 1 "$@" "$tests" "$sanitize"
}
# Kernels of cuBLASLt: what they do among themselves is not ours. Excluded rather than ours included, as a
# filter that matches nothing would pass.
theirs=(--kernel-name-exclude 'regex=cublas|cutlass|nvjet|gemm|gemv|splitK')

# A short training in each precision, what it says of skipped steps, and that fp16 is resumed to the bit.
precision() {
    local name run code=0
    for name in fp32 bf16 fp16; do
        run=$out/precision-$name
        rm -rf "$run"
        limited "$cluec" train examples/shapes.clue --out "$run" --device cuda --steps 250 \
            --set "recipe.precision=$name" || code=$?
        tail -n 1 "$run/metrics.jsonl"
    done
    limited "$cluec" verify-resume examples/shapes.clue --device cuda --steps 40 --set recipe.precision=fp16 \
        --set recipe.precision.loss_scale=1e9 --set recipe.precision.growth_interval=5 || code=$?
    return $code
}

# Op by op, beside what the GPU copies and multiplies; then by kernels and products.
ops() {
    local by
    for by in size launch; do
        limited "$cluec" bench models/cluenet_cifar.clue --device cuda --batch 256 --steps 50 "--ops=$by" \
            --set recipe.precision=bf16 || return
    done
}

# compare NAME MODEL BATCH CLUEC_ARGS PEER_ARGS [VARIANT…]: beside PyTorch, in turns; alone without a
# variant.
compare() {
    local name=$1 model=$2 batch=$3 cluec_args=$4 peer_args=$5
    shift 5
    [ $# -eq 0 ] || "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' ||
        { missing "$python has no PyTorch that sees the GPU"; return; }
    limited "$python" benches/compare.py "models/$model.clue" --cluec "$cluec" --device cuda --batch "$batch" \
        --threads "$(nproc)" --rounds "$rounds" --cluec-args="--steps 300 $cluec_args" \
        --peer-args="$peer_args" --variant "$@" >"$out/bench-$name.md"
    local code=$?
    cat "$out/bench-$name.md"
    return $code
}

# against NAME MODEL BATCH PRECISION PEER_ARGS [VARIANT…]
against() {
    local name=$1 model=$2 batch=$3 precision=$4 peer_args=$5 set=
    shift 5
    # The models' own is fp32, and setting what is so already is a mistake.
    [ "$precision" = fp32 ] || set="--set recipe.precision=$precision"
    section "$name" compare "$name" "$model" "$batch" "$set" "$peer_args" "$@"
}

# The published recipe until its time is up; called again with the same --out, it goes on.
train() {
    [ -d "$data" ] || { missing "no CIFAR-100 at $data; hand it over with --data"; return; }
    local run=$out/run what=(models/cluenet_cifar.clue --out "$out/run" --set recipe.precision=bf16)
    if [ -e "$run/last.safetensors" ]; then what=(--resume "$run"); else rm -rf "$run"; fi
    limited "$cluec" train "${what[@]}" --device cuda --data "$data"
    local code=$?
    tail -n 3 "$run/metrics.jsonl"
    [ $code -eq 0 ] || [ $code -eq 124 ]
}

section facts facts
section tests gpu_tests
section fixtures whole_models
against cifar-bf16 cluenet_cifar 256 bf16 "" eager-amp compile-amp
section ops ops
section train train
section precision precision
section racecheck sanitizer racecheck "${theirs[@]}"
# Some calls of the driver are made to see whether they fail.
section memcheck sanitizer memcheck --report-api-errors no
section synccheck sanitizer synccheck "${theirs[@]}"
# Alone: its peers are those of cifar-bf16, as the peer's AMP is bfloat16 and half precision should cost it
# about the same.
against cifar-fp16 cluenet_cifar 256 fp16 ""
against cifar-graphs cluenet_cifar 256 bf16 "--compile-mode reduce-overhead" compile-amp
against cifar-fp32 cluenet_cifar 256 fp32 "" eager compile
against tiny-bf16 cluenet_tiny 128 bf16 "" eager-amp compile-amp
printf '\n======== summary, in %s\n' "$out"
cat "$out/summary.txt"
exit $status
