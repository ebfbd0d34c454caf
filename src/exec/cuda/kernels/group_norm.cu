// Group norm with one group: mean and biased variance (eps 1e-5) of an image's N pixels of C
// channels, affine by channel. Statistics are two numbers an image: mean, reciprocal deviation.

#define SIZE ((u64)N * C)

// The sum of f(0), f(1) ... over an image's numbers, in every thread; `room` is shared.
template <class F>
__device__ inline float image_sum(float* room, F f) {
    __shared__ float total;
    // Of a thread's numbers first few, then all: a map has many.
    float sum = 0;
    for (u64 start = threadIdx.x; start < SIZE; start += 64 * THREADS) {
        float part = 0;
        for (u64 i = start; i < SIZE && i < start + 64 * THREADS; i += THREADS) part += f(i);
        sum += part;
    }
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) total = sum;
    __syncthreads();
    sum = total;
    __syncthreads();
    return sum;
}

// x [images, N, C] -> statistics [images, 2]; a block an image
extern "C" __global__ void __launch_bounds__(THREADS)
group_norm_statistics(const real* x, float* statistics) {
    __shared__ float room[THREADS / 32];
    x += blockIdx.x * SIZE;
    float mean = image_sum(room, [&](u64 i) { return get(x[i]); }) / SIZE;
    float variance = image_sum(room, [&](u64 i) {
        float centered = get(x[i]) - mean;
        return centered * centered;
    }) / SIZE;
    if (threadIdx.x > 0) return;
    statistics[blockIdx.x * 2] = mean;
    statistics[blockIdx.x * 2 + 1] = 1.0f / sqrtf(variance + 1e-5f);
}

// A thread a number.
extern "C" __global__ void __launch_bounds__(THREADS)
group_norm_forward(const real* x, const float* statistics, const float* weight, const float* bias,
                   real* y, int images) {
    u64 i = thread_index();
    if (i >= images * SIZE) return;
    const float* of = statistics + i / SIZE * 2;
    put(y[i], (get(x[i]) - of[0]) * of[1] * weight[i % C] + bias[i % C]);
}

// Means over an image of g weight, and of that times the normalized x: sums [images, 2]
extern "C" __global__ void __launch_bounds__(THREADS)
group_norm_slopes(const real* x, const float* statistics, const float* weight, const real* g,
                  float* slopes) {
    __shared__ float room[THREADS / 32];
    x += blockIdx.x * SIZE;
    g += blockIdx.x * SIZE;
    float mean = statistics[blockIdx.x * 2], scale = statistics[blockIdx.x * 2 + 1];
    float inner = image_sum(room, [&](u64 i) { return get(g[i]) * weight[i % C]; }) / SIZE;
    float along = image_sum(room, [&](u64 i) {
        return get(g[i]) * weight[i % C] * (get(x[i]) - mean) * scale;
    }) / SIZE;
    if (threadIdx.x > 0) return;
    slopes[blockIdx.x * 2] = inner;
    slopes[blockIdx.x * 2 + 1] = along;
}

// g, gx [images, N, C]; a thread a number.
extern "C" __global__ void __launch_bounds__(THREADS)
group_norm_backward(const real* x, const float* statistics, const float* slopes,
                    const float* weight, const real* g, real* gx, int images) {
    u64 i = thread_index();
    if (i >= images * SIZE) return;
    const float *of = statistics + i / SIZE * 2, *slope = slopes + i / SIZE * 2;
    float normal = (get(x[i]) - of[0]) * of[1];
    put(gx[i], (get(g[i]) * weight[i % C] - slope[0] - normal * slope[1]) * of[1]);
}

// Gradients of weight and bias in parts, [gridDim.x, C] each: a thread a channel, a part ROWS pixels.
extern "C" __global__ void __launch_bounds__(THREADS)
group_norm_parameters(const real* x, const float* statistics, const real* g, float* weights,
                      float* biases, u64 pixels) {
    u32 c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= C) return;
    float weight = 0, bias = 0;
    u64 first = (u64)blockIdx.x * ROWS;
    for (u64 p = first; p < pixels && p < first + ROWS; p++) {
        const float* of = statistics + p / N * 2;
        float slope = get(g[p * C + c]);
        weight += slope * (get(x[p * C + c]) - of[0]) * of[1];
        bias += slope;
    }
    weights[blockIdx.x * C + c] = weight;
    biases[blockIdx.x * C + c] = bias;
}
