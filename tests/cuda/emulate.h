// Runs a kernel on the CPU, so that its arithmetic and its indices can be checked without a GPU.
//
// Blocks run one after the other. The threads of a block are fibers on one thread of the system,
// switched only where they wait for each other, so shared memory is a static variable. A barrier or
// a warp's exchange that not every thread comes to is reported. Races and speed are not seen.

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

// Half precision.
static float half_to_float(unsigned short bits) {
    int exponent = bits >> 10 & 31, digits = bits & 1023;
    float size = exponent == 31 ? (digits ? NAN : INFINITY)
                 : exponent     ? ldexpf(1024 + digits, exponent - 25)
                                : ldexpf(digits, -24);
    return bits >> 15 ? -size : size;
}

// To nearest, ties to even; subnormal numbers lie 2^-24 apart.
static unsigned short float_to_half(float x) {
    if (x != x) return 0x7fff;
    int sign = signbit(x) ? 0x8000 : 0, exponent;
    float size = fabsf(x);
    if (size == 0) return sign;
    if (size >= 65520) return sign | 0x7c00;
    frexpf(size, &exponent);
    int unit = exponent > -13 ? exponent - 11 : -24;
    return sign | (((unit + 24) << 10) + (int)rintf(ldexpf(size, -unit)));
}

namespace emulated {

struct Index {
    unsigned x, y, z;
};

enum State { READY, AT_BLOCK, AT_WARP, DONE };

struct Fiber {
    ucontext_t start;
    jmp_buf at;
    bool begun;
    State state;
    Index index;
    unsigned turn;
};

const unsigned MOST = 1024, STACK = 64 << 10;
static Fiber* fibers;
static Fiber* current;
static char* stacks;
static jmp_buf scheduler;
static Index block_index, block_size, grid_size;
// What lanes hand each other; two turns, so that one wait is enough.
static unsigned slots[2][MOST];
static void (*body)(void**);
static void** arguments;

static void wait(State state) {
    current->state = state;
    if (!_setjmp(current->at)) _longjmp(scheduler, 1);
}

static void enter() {
    body(arguments);
    current->state = DONE;
    _longjmp(scheduler, 1);
}

static void resume(Fiber* fiber) {
    current = fiber;
    if (_setjmp(scheduler)) return;
    if (fiber->begun) _longjmp(fiber->at, 1);
    fiber->begun = true;
    setcontext(&fiber->start);
}

// Lets those who wait go on once all of them have come; false if some never will.
static bool release(State state, unsigned first, unsigned count) {
    unsigned waiting = 0, done = 0;
    for (unsigned i = first; i < first + count; i++) {
        waiting += fibers[i].state == state;
        done += fibers[i].state == DONE;
    }
    if (waiting == count)
        for (unsigned i = first; i < first + count; i++) fibers[i].state = READY;
    return waiting == 0 || done == 0;
}

static bool run_block() {
    unsigned threads = block_size.x;
    for (unsigned i = 0; i < threads; i++) {
        Fiber& fiber = fibers[i];
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = stacks + (size_t)i * STACK;
        fiber.start.uc_stack.ss_size = STACK;
        fiber.start.uc_link = 0;
        makecontext(&fiber.start, enter, 0);
        fiber.begun = false;
        fiber.state = READY;
        fiber.index = {i, 0, 0};
        fiber.turn = 0;
    }
    for (;;) {
        bool moved = false, whole = true;
        for (unsigned i = 0; i < threads; i++)
            if (fibers[i].state == READY) {
                resume(&fibers[i]);
                moved = true;
            }
        for (unsigned first = 0; first < threads; first += 32)
            whole &= release(AT_WARP, first, threads - first < 32 ? threads - first : 32);
        whole &= release(AT_BLOCK, 0, threads);
        bool done = true;
        for (unsigned i = 0; i < threads; i++) done &= fibers[i].state == DONE;
        if (done) return true;
        if (!whole || !moved) return false;
    }
}

template <size_t... I>
struct Places {};
template <size_t N, size_t... I>
struct Count : Count<N - 1, N - 1, I...> {};
template <size_t... I>
struct Count<0, I...> {
    typedef Places<I...> places;
};

template <class... Args, size_t... I>
static void call(void (*kernel)(Args...), void** args, Places<I...>) {
    kernel(*(Args*)args[I]...);
}

// Runs `kernel` over a grid; its arguments are given by their addresses, as a launch is given them.
template <auto kernel, class... Args>
static int run(void (*)(Args...), const unsigned* grid, unsigned block, void** args) {
    if (block > MOST) return 2;
    if (!fibers) {
        fibers = (Fiber*)calloc(MOST, sizeof(Fiber));
        stacks = (char*)malloc((size_t)MOST * STACK);
    }
    body = [](void** args) { call(kernel, args, typename Count<sizeof...(Args)>::places()); };
    arguments = args;
    block_size = {block, 1, 1};
    grid_size = {grid[0], grid[1], 1};
    for (unsigned y = 0; y < grid[1]; y++)
        for (unsigned x = 0; x < grid[0]; x++) {
            block_index = {x, y, 0};
            if (!run_block()) return 1;
        }
    return 0;
}

}  // namespace emulated

#define threadIdx emulated::current->index
#define blockIdx emulated::block_index
#define blockDim emulated::block_size
#define gridDim emulated::grid_size

static inline void __syncthreads() { emulated::wait(emulated::AT_BLOCK); }

static inline unsigned* __exchange(unsigned mine) {
    unsigned turn = emulated::current->turn++ % 2, lane = threadIdx.x;
    emulated::slots[turn][lane] = mine;
    emulated::wait(emulated::AT_WARP);
    return &emulated::slots[turn][lane / 32 * 32];
}

static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    return bits;
}

static inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline float __shfl_xor_sync(unsigned, float x, int offset) {
    return __uint_as_float(__exchange(__float_as_uint(x))[(threadIdx.x % 32) ^ offset]);
}

static inline unsigned __ballot_sync(unsigned, bool vote) {
    unsigned* votes = __exchange(vote), found = 0;
    for (int lane = 0; lane < 32; lane++) found |= votes[lane] << lane;
    return found;
}

static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int min(int a, int b) { return a < b ? a : b; }
