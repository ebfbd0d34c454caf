// Centers return to the pixels: y_n = sum over m of s_mn c_m, for a hard assignment a scaled gather.
//
// Centers [images, M, HEADS, D], y [images, N, HEADS, D]; hard: index and value [images, N, HEADS];
// soft: weights [images, N, HEADS, M]. WIDE neighbors divide a head.

#define A (HEADS * D)
#define PER ((D + 31) / 32)

// A thread WIDE elements of y.
extern "C" __global__ void __launch_bounds__(THREADS)
dispatch_hard_forward(const u32* index, const float* value, const real* centers, real* y, int images) {
    u64 i = thread_index() * WIDE;
    if (i >= (u64)images * N * A) return;
    u64 at = i / D;
    float x[WIDE];
    load_row<WIDE>(centers + (i / ((u64)N * A) * M + index[at]) * A + i % A, x);
    for (int k = 0; k < WIDE; k++) x[k] *= value[at];
    store_row<WIDE>(y + i, x);
}

// The gradient of the values, g . center: a thread per pixel and head.
extern "C" __global__ void __launch_bounds__(THREADS)
dispatch_hard_backward_values(const u32* index, const real* centers, const real* g, real* gvalue,
                              int images) {
    u64 i = thread_index();
    if (i >= (u64)images * N * HEADS) return;
    const real* center = centers + (i / ((u64)N * HEADS) * M + index[i]) * A + i % HEADS * D;
    float mine[D], other[D];
    load_row<D>(g + i * D, mine);
    load_row<D>(center, other);
    put(gvalue[i], dot<D>(mine, other));
}

// The gradient of the centers: the warps of a center add up the pixels that chose it, in their order.
extern "C" __global__ void __launch_bounds__(THREADS)
dispatch_hard_backward_centers(const u32* index, const float* value, const real* g, real* gcenters) {
    __shared__ float room[ROOM(PER)];
    Share part = warp_share<SHARES>(N);
    int m = part.center, lane = threadIdx.x % 32;
    u32 image = blockIdx.x / HEADS, head = blockIdx.x % HEADS;
    u64 first = (u64)image * N * HEADS + head;
    float sum[PER] = {};
    auto load = [&](u32 n) {
        u64 at = first + (u64)n * HEADS;
        Lanes<PER> row;
        for (int i = 0; i < PER; i++)
            row.x[i] = i * 32 + lane < D ? value[at] * get(g[at * D + i * 32 + lane]) : 0;
        return row;
    };
    auto add = [&](const Lanes<PER>& row) {
        for (int i = 0; i < PER; i++) sum[i] += row.x[i];
    };
    if (m < M) members(index + first, HEADS, part.from, part.to, m, load, add);
    join<SHARES, PER>(sum, room);
    if (m >= M || !part.first) return;
    for (int i = 0; i < PER; i++)
        if (i * 32 + lane < D)
            put(gcenters[((u64)image * M + m) * A + head * D + i * 32 + lane], sum[i]);
}

extern "C" __global__ void __launch_bounds__(THREADS)
dispatch_soft_forward(const real* weights, const real* centers, real* y, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * N * A) return;
    const real* center = centers + i / ((u64)N * A) * M * A + i % A;
    const real* weight = weights + i / D * M;
    float sum = 0;
    for (int m = 0; m < M; m++) sum += get(weight[m]) * get(center[(u64)m * A]);
    put(y[i], sum);
}

// The gradient of the weights: a thread a weight.
extern "C" __global__ void __launch_bounds__(THREADS)
dispatch_soft_backward_weights(const real* centers, const real* g, real* gweights, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * N * HEADS * M) return;
    u64 at = i / M;
    const real* center = centers + (at / ((u64)N * HEADS) * M + i % M) * A + at % HEADS * D;
    float sum = 0;
    for (int c = 0; c < D; c++) sum += get(g[at * D + c]) * get(center[c]);
    put(gweights[i], sum);
}

// The gradient of the centers: a thread an element.
extern "C" __global__ void __launch_bounds__(THREADS)
dispatch_soft_backward_centers(const real* weights, const real* g, real* gcenters, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * M * A) return;
    u64 image = i / ((u64)M * A);
    u32 m = i / A % M, head = i % A / D;
    float sum = 0;
    for (int n = 0; n < N; n++) {
        u64 pixel = image * N + n;
        sum += get(weights[(pixel * HEADS + head) * M + m]) * get(g[pixel * A + i % A]);
    }
    put(gcenters[i], sum);
}
