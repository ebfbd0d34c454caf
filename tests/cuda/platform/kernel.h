// What the source of a kernel sees in place of CUDA's own: included ahead of it. Of the system it includes
// nothing, which would take as long as all else.

#include "entry.h"
#include "numbers.h"

extern "C" {
float erff(float), exp2f(float), expf(float), fabsf(float), fmaxf(float, float), logf(float), sqrtf(float);
}

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

namespace platform {

struct Index {
    unsigned x, y, z;
};

// Where the thread that runs is, of which block, of which grid.
extern "C" {
#pragma GCC visibility push(default)
extern Index platform_thread, platform_block, platform_block_size, platform_grid_size;
void platform_wait_for_block();
// Hands every lane of the warp what the others hand over.
const unsigned* platform_exchange(unsigned mine);
#pragma GCC visibility pop
}

template <unsigned long... I>
struct Places {};
template <unsigned long N, unsigned long... I>
struct Count : Count<N - 1, N - 1, I...> {};
template <unsigned long... I>
struct Count<0, I...> {
    typedef Places<I...> places;
};

// A kernel and how it is called, known before the library is loaded.
template <auto kernel>
struct Kernel;

template <class... Args, void (*kernel)(Args...)>
struct Kernel<kernel> {
    static constexpr unsigned sizes[] = {sizeof(Args)...};

    template <unsigned long... I>
    static void with(void** arguments, Places<I...>) {
        kernel(*(Args*)arguments[I]...);
    }

    static void call(void** arguments) {
        with(arguments, typename Count<sizeof...(Args)>::places());
    }

    static constexpr Entry entry(const char* name) { return {name, sizeof...(Args), sizes, call}; }
};

}  // namespace platform

#define threadIdx platform::platform_thread
#define blockIdx platform::platform_block
#define blockDim platform::platform_block_size
#define gridDim platform::platform_grid_size

static inline void __syncthreads() { platform::platform_wait_for_block(); }

static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

static inline float __uint_as_float(unsigned bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

static inline float __shfl_xor_sync(unsigned, float x, int offset) {
    const unsigned* all = platform::platform_exchange(__float_as_uint(x));
    return __uint_as_float(all[(threadIdx.x % 32) ^ offset]);
}

static inline unsigned __ballot_sync(unsigned, bool vote) {
    const unsigned* votes = platform::platform_exchange(vote);
    unsigned found = 0;
    for (int lane = 0; lane < 32; lane++) found |= votes[lane] << lane;
    return found;
}

static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int min(int a, int b) { return a < b ? a : b; }
