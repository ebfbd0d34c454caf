// What every kernel stands on; includes nothing. Constants given from outside are in capitals.
// BF16, FP16: maps are stored as bfloat16, as half precision, or with neither as float. Arithmetic is
// in float always; parameters that enter no matrix product, their gradients and all partial sums are
// float in memory too.

typedef unsigned int u32;
typedef unsigned long long u64;

struct bf16 {
    unsigned short bits;
};

struct fp16 {
    unsigned short bits;
};

#if BF16
typedef bf16 real;
#elif FP16
typedef fp16 real;
#else
typedef float real;
#endif

__device__ inline float get(float x) { return x; }
__device__ inline float get(bf16 x) { return __uint_as_float((u32)x.bits << 16); }

__device__ inline float get(fp16 x) {
#ifdef __CUDA_ARCH__
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
    return wide;
#else
    return half_to_float(x.bits);
#endif
}

__device__ inline void put(float& to, float x) { to = x; }

// To nearest, ties to even.
__device__ inline void put(bf16& to, float x) {
#ifdef __CUDA_ARCH__
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to.bits) : "f"(x));
#else
    u32 bits = __float_as_uint(x);
    to.bits = x != x ? 0x7fff : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
#endif
}

// Beyond the largest number to infinity.
__device__ inline void put(fp16& to, float x) {
#ifdef __CUDA_ARCH__
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to.bits) : "f"(x));
#else
    to.bits = float_to_half(x);
#endif
}

// 2^x and 1/x to a few units in the last place.
#ifdef __CUDA_ARCH__
__device__ inline float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline float reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#else
__device__ inline float power_of_two(float x) { return exp2f(x); }
__device__ inline float reciprocal(float x) { return 1.0f / x; }
#endif

// Neighbors that are loaded and stored at once.
template <class T, int K>
struct alignas(K * sizeof(T)) Pack {
    T x[K];
};

// How many numbers of rows of n are: a power of two that divides n, 16 bytes at most.
__device__ constexpr int together(int n, int bytes) {
    int k = 16 / bytes;
    while (n % k) k /= 2;
    return k;
}

// Reads a row of LONG numbers.
template <int LONG>
__device__ inline void load_row(const real* row, float* x) {
    constexpr int K = together(LONG, sizeof(real));
#pragma unroll
    for (int i = 0; i < LONG; i += K) {
        Pack<real, K> pack = *(const Pack<real, K>*)(row + i);
        for (int k = 0; k < K; k++) x[i + k] = get(pack.x[k]);
    }
}

// Writes one.
template <int LONG>
__device__ inline void store_row(real* row, const float* x) {
    constexpr int K = together(LONG, sizeof(real));
#pragma unroll
    for (int i = 0; i < LONG; i += K) {
        Pack<real, K> pack;
        for (int k = 0; k < K; k++) put(pack.x[k], x[i + k]);
        *(Pack<real, K>*)(row + i) = pack;
    }
}

// How many numbers of a row of n are read at once in shared memory, and added side by side: a thread would
// wait for every addition to one sum.
__device__ constexpr int sides(int n) { return n % 4 ? 1 : 4; }

// Lays a row of LONG numbers into shared memory.
template <int LONG>
__device__ inline void keep(float* shared, const float* row) {
    constexpr int K = sides(LONG);
#pragma unroll
    for (int i = 0; i < LONG; i += K) {
        Pack<float, K> pack;
        for (int k = 0; k < K; k++) pack.x[k] = row[i + k];
        *(Pack<float, K>*)(shared + i) = pack;
    }
}

template <int SIDES>
__device__ inline float total(const float* sums) {
    return SIDES == 4 ? (sums[0] + sums[1]) + (sums[2] + sums[3]) : sums[0];
}

template <int LONG>
__device__ inline float dot(const float* x, const float* y) {
    constexpr int K = sides(LONG);
    float sums[K] = {};
    for (int i = 0; i < LONG; i += K)
        for (int k = 0; k < K; k++) sums[k] += x[i + k] * y[i + k];
    return total<K>(sums);
}

// Of a row of one's own and one in shared memory.
template <int LONG>
__device__ inline float dot_shared(const float* mine, const float* shared) {
    constexpr int K = sides(LONG);
    float sums[K] = {};
    for (int i = 0; i < LONG; i += K) {
        Pack<float, K> part = *(const Pack<float, K>*)(shared + i);
        for (int k = 0; k < K; k++) sums[k] += mine[i + k] * part.x[k];
    }
    return total<K>(sums);
}

#define ALL_LANES 0xffffffffu

// The same sum in every lane, added in one order.
__device__ inline float warp_sum(float x) {
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(ALL_LANES, x, offset);
    return x;
}

__device__ inline float warp_max(float x) {
    for (int offset = 16; offset > 0; offset /= 2)
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, offset));
    return x;
}

// The sum over a block of whole warps, in thread 0; `room` is shared, one number per warp.
__device__ inline float block_sum(float x, float* room) {
    x = warp_sum(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0;
    if (threadIdx.x == 0)
        for (u32 warp = 0; warp < blockDim.x / 32; warp++) sum += room[warp];
    return sum;
}

// Which thread of the whole launch this is, for launches in one dimension.
__device__ inline u64 thread_index() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }

// Of the i-th of n rows or columns.
__device__ inline float coordinate(int i, int n) { return i / (n - 1.0f) - 0.5f; }

__device__ inline float sigmoid(float x) { return 1.0f / (expf(-x) + 1.0f); }

// The normal distribution: its density, and phi, its integral; GELU is x phi(x). Where 16 bits are
// stored, phi is approximation 26.2.17 of Abramowitz and Stegun, right to 7.5e-8, whose exponential is
// the density's.
#if BF16 || FP16
__device__ inline float density(float x) { return 0.39894228f * power_of_two(x * x * -0.72134752f); }

__device__ inline float phi(float x) {
    float t = reciprocal(1.0f + 0.23164190f * fabsf(x));
    float tail = 1.33027443f;
    tail = tail * t - 1.82125598f;
    tail = tail * t + 1.78147794f;
    tail = tail * t - 0.35656378f;
    tail = tail * t + 0.31938153f;
    tail *= t * density(x);
    return x < 0 ? tail : 1.0f - tail;
}
#else
__device__ inline float density(float x) { return 0.39894228f * expf(-0.5f * x * x); }
__device__ inline float phi(float x) { return 0.5f * (1.0f + erff(x * 0.70710678f)); }
#endif

__device__ inline float gelu(float x) { return x * phi(x); }
__device__ inline float gelu_slope(float x) { return phi(x) + x * density(x); }

// Lengths below this count as this: x / max(|x|, 1e-12).
#define LEAST 1e-12f

// The gradient of a row from that of its direction; `x` is the direction.
template <int LONG>
__device__ inline void through_direction(const float* x, float length, float* g) {
    float along = length < LEAST ? 0 : dot<LONG>(x, g);
    float inverse = 1.0f / fmaxf(length, LEAST);
    for (int i = 0; i < LONG; i++) g[i] = (g[i] - x[i] * along) * inverse;
}

// Reads a row of LONG numbers and makes it a direction; gives its length.
template <int LONG>
__device__ inline float direction(const real* row, float* x) {
    load_row<LONG>(row, x);
    float length = sqrtf(dot<LONG>(x, x)), inverse = 1.0f / fmaxf(length, LEAST);
    for (int i = 0; i < LONG; i++) x[i] *= inverse;
    return length;
}

// Adaptive pooling along one axis: bin i of m covers [bin_start, bin_end) of n positions, and
// position p lies in the bins [bins_start, bins_end).
__device__ inline u32 bin_start(u32 i, u32 n, u32 m) { return i * n / m; }
__device__ inline u32 bin_end(u32 i, u32 n, u32 m) { return ((i + 1) * n + m - 1) / m; }
__device__ inline u32 bins_start(u32 p, u32 n, u32 m) { return p * m / n; }
__device__ inline u32 bins_end(u32 p, u32 n, u32 m) { return ((p + 1) * m + n - 1) / n; }

// Numbers of a row that every lane of a warp holds, each 32nd of them.
template <int EACH>
struct Lanes {
    float x[EACH];
};

// Calls add(load(start + i)) for the lowest SOME bits i of `found`, in order, and takes them out. All are
// asked for before the first is added: a warp would wait most of its time.
template <int SOME, class Load, class Add>
__device__ inline void take(u64& found, u32 start, Load load, Add add) {
    u32 at[SOME];
    int count = 0;
    for (int k = 0; k < SOME; k++) {
        at[k] = found ? start + __ffsll(found) - 1 : at[0];
        count += found != 0;
        found &= found - 1;
    }
    decltype(load(0u)) loaded[SOME];
    for (int k = 0; k < SOME; k++) loaded[k] = load(at[k]);
    for (int k = 0; k < SOME; k++)
        if (k < count) add(loaded[k]);
}

// A center has WARPS neighboring warps of a block, and each of them a run of its pixels; blockIdx.y
// counts blocks of centers.
struct Share {
    u32 center, from, to;
    bool first;
};

template <int WARPS>
__device__ inline Share warp_share(u32 pixels) {
    u32 warp = threadIdx.x / 32, part = warp % WARPS, centers = blockDim.x / 32 / WARPS;
    // Of 64 pixels, as many as are looked at together.
    u32 pieces = (pixels + 63) / 64, from = pieces * part / WARPS * 64;
    u32 to = pieces * (part + 1) / WARPS * 64;
    return {blockIdx.y * centers + warp / WARPS, from, to < pixels ? to : pixels, part == 0};
}

// Numbers of the room that `join` needs for so many sums a thread.
#define ROOM(COUNT) (SHARES > 1 ? (COUNT) * THREADS : 1)

// Adds the sums of a center's warps in their order, for the first of them. All threads of a block come here;
// `room` is shared, COUNT numbers a thread where there is something to add.
template <int WARPS, int COUNT>
__device__ inline void join(float* sums, float* room) {
    if (WARPS == 1) return;
    for (int k = 0; k < COUNT; k++) room[k * blockDim.x + threadIdx.x] = sums[k];
    __syncthreads();
    if (threadIdx.x / 32 % WARPS) return;
    for (int warp = 1; warp < WARPS; warp++)
        for (int k = 0; k < COUNT; k++) sums[k] += room[k * blockDim.x + threadIdx.x + 32 * warp];
}

// Calls add(load(i)) for every i in [from, to) with index[i * stride] == m, in order, by a whole warp. Where
// one center has most pixels its warps are the last: they ask for more of them at once, as registers allow.
template <class Load, class Add>
__device__ inline void members(const u32* index, u32 stride, u32 from, u32 to, u32 m, Load load, Add add) {
    const int MANY = sizeof(load(0u)) <= 16 ? 8 : 4;
    u32 lane = threadIdx.x % 32;
    for (u32 start = from; start < to; start += 64) {
        u32 i = start + lane, j = i + 32;
        bool low = i < to && index[i * stride] == m, high = j < to && index[j * stride] == m;
        u64 found = (u64)__ballot_sync(ALL_LANES, high) << 32 | __ballot_sync(ALL_LANES, low);
        while (MANY > 4 && __popcll(found) >= MANY) take<MANY>(found, start, load, add);
        while (found) take<4>(found, start, load, add);
    }
}
