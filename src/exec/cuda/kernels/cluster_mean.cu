// Centers become the mean of themselves and their pixels, head by head: o_m = (sum of a_nm v_n + z_m)
// / (sum of b_nm + 1). WEIGHING 0: a and b are 1 for the pixels that chose m; 1: both their weight;
// 2: a the weight, b 1. SOFT: every pixel counts for every center by its weight, in a and b. OWN: z is
// given; otherwise it is the adaptive average of v.
//
// v [images, H, W, HEADS, D]; o, z [images, GH, GW, HEADS, D]; hard: index and value
// [images, H, W, HEADS]; soft: weights [images, H, W, HEADS, M]. blockIdx.x is image and head; where
// warps have a center they add up the pixels in their order.

#define N (H * W)
#define M (GH * GW)
#define C (HEADS * D)
#define IMAGE (blockIdx.x / HEADS)
#define HEAD (blockIdx.x % HEADS)
#define PER ((D + 31) / 32)

#if SOFT
typedef real weight;
#else
typedef float weight;
#endif

// Calls add(load(n), a, b) for a warp's share of the pixels of a center.
template <class Load, class Add>
__device__ inline void pixels(const u32* index, const weight* weights, const Share& part, Load load, Add add) {
    u64 first = (u64)IMAGE * N * HEADS + HEAD;
    u32 m = part.center;
    if (m >= M) return;
#if SOFT
    for (u32 n = part.from; n < part.to; n++) {
        float s = get(weights[(first + (u64)n * HEADS) * M + m]);
        add(load(n), s, s);
    }
#else
    struct Weighed {
        decltype(load(0u)) row;
        float s;
    };
    auto weigh = [&](u32 n) {
        return Weighed{load(n), WEIGHING ? get(weights[first + (u64)n * HEADS]) : 1};
    };
    members(index + first, HEADS, part.from, part.to, m, weigh, [&](const Weighed& pixel) {
        add(pixel.row, pixel.s, WEIGHING == 1 ? pixel.s : 1);
    });
#endif
}

extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_forward(const u32* index, const weight* weights, const real* v, const real* z, real* o) {
    __shared__ float room[ROOM(PER + 1)];
    Share part = warp_share<SHARES>(N);
    u32 m = part.center, lane = threadIdx.x % 32;
    const real* image = v + (u64)IMAGE * N * C + HEAD * D;
    u64 center = ((u64)IMAGE * M + m) * C + HEAD * D;
    float sums[PER + 1] = {}, &count = sums[PER];
    if (part.first && m < M) {
        count = 1;
#if OWN
        for (int i = 0; i < PER; i++)
            if (i * 32 + lane < D) sums[i] = get(z[center + i * 32 + lane]);
#else
        u32 top = bin_start(m / GW, H, GH), bottom = bin_end(m / GW, H, GH);
        u32 left = bin_start(m % GW, W, GW), right = bin_end(m % GW, W, GW);
        for (u32 r = top; r < bottom; r++)
            for (u32 q = left; q < right; q++)
                for (int i = 0; i < PER; i++)
                    if (i * 32 + lane < D) sums[i] += get(image[(u64)(r * W + q) * C + i * 32 + lane]);
        for (int i = 0; i < PER; i++) sums[i] /= (bottom - top) * (right - left);
#endif
    }
    auto load = [&](u32 n) {
        Lanes<PER> row;
        for (int i = 0; i < PER; i++)
            row.x[i] = i * 32 + lane < D ? get(image[(u64)n * C + i * 32 + lane]) : 0;
        return row;
    };
    pixels(index, weights, part, load, [&](const Lanes<PER>& row, float a, float b) {
        for (int i = 0; i < PER; i++) sums[i] += a * row.x[i];
        count += b;
    });
    join<SHARES, PER + 1>(sums, room);
    if (m >= M || !part.first) return;
    for (int i = 0; i < PER; i++)
        if (i * 32 + lane < D) put(o[center + i * 32 + lane], sums[i] / count);
}

// The gradient of z, which is what every center gives to each of its pixels:
// share = g / (sum of b + 1), in float, and as a map if gz is wanted.
extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_shares(const u32* index, const weight* weights, const real* g, float* share, real* gz) {
    __shared__ float room[ROOM(1)];
    Share part = warp_share<SHARES>(N);
    u32 m = part.center, lane = threadIdx.x % 32;
    float count = part.first;
    pixels(index, weights, part, [](u32) { return 0; }, [&](int, float, float b) { count += b; });
    join<SHARES, 1>(&count, room);
    if (m >= M || !part.first) return;
    u64 center = ((u64)IMAGE * M + m) * C + HEAD * D;
    for (int c = lane; c < D; c += 32) {
        float x = get(g[center + c]) / count;
        share[center + c] = x;
        if (gz) put(gz[center + c], x);
    }
}

// gv: from the centers that have some of the pixel, and from the bins it lies in. A thread WIDE elements,
// which divide a head.
extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_backward(const u32* index, const weight* weights, const float* share, real* gv, int images) {
    u64 i = thread_index() * WIDE;
    if (i >= (u64)images * N * C) return;
    u64 choice = i / C * HEADS + i % C / D;
    const float* image = share + i / ((u64)N * C) * (M * C) + i % C;
#if SOFT
    float sums[WIDE] = {};
    for (u32 m = 0; m < M; m++)
        for (int k = 0; k < WIDE; k++) sums[k] += get(weights[choice * M + m]) * image[m * C + k];
#else
    float sums[WIDE];
    for (int k = 0; k < WIDE; k++) {
        sums[k] = image[index[choice] * C + k];
        if (WEIGHING) sums[k] *= get(weights[choice]);
    }
#endif
#if !OWN
    u32 column = i / C % W, row = i / C / W % H;
    for (u32 r = bins_start(row, H, GH); r < bins_end(row, H, GH); r++)
        for (u32 q = bins_start(column, W, GW); q < bins_end(column, W, GW); q++) {
            u32 height = bin_end(r, H, GH) - bin_start(r, H, GH);
            u32 width = bin_end(q, W, GW) - bin_start(q, W, GW);
            float share = 1.0f / (height * width);
            for (int k = 0; k < WIDE; k++) sums[k] += image[(r * GW + q) * C + k] * share;
        }
#endif
    store_row<WIDE>(gv + i, sums);
}

// The gradient of the weights: v_n share_m, less o_m share_m where they are counted below too. A
// thread a choice of a pixel and head, which soft makes of every center.
extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_weights(const u32* index, const real* v, const real* o, const float* share, real* gs,
                     int images) {
    u64 i = thread_index();
#if SOFT
    if (i >= (u64)images * N * HEADS * M) return;
    u64 choice = i / M;
    u32 m = i % M;
#else
    if (i >= (u64)images * N * HEADS) return;
    u64 choice = i;
    u32 m = index[i];
#endif
    u64 pixel = choice / HEADS * C + choice % HEADS * D;
    u64 center = (choice / ((u64)N * HEADS) * M + m) * C + choice % HEADS * D;
    float sum = 0;
    for (int c = 0; c < D; c++) {
        float x = get(v[pixel + c]);
        if (WEIGHING == 1) x -= get(o[center + c]);
        sum += x * share[center + c];
    }
    put(gs[i], sum);
}
