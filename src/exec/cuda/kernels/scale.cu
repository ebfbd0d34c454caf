// Layer scale: y = x w, a factor per channel of C.

// x, y [pixels, C]; a thread a number.
extern "C" __global__ void __launch_bounds__(THREADS)
scale_forward(const real* x, const float* weight, real* y, u64 pixels) {
    u64 i = thread_index();
    if (i < pixels * C) put(y[i], get(x[i]) * weight[i % C]);
}

// The gradient of the factors in parts, [gridDim.x, C]: a thread a channel, a part ROWS pixels.
extern "C" __global__ void __launch_bounds__(THREADS)
scale_weight(const real* x, const real* g, float* weights, u64 pixels) {
    u32 c = blockIdx.y * THREADS + threadIdx.x;
    if (c >= C) return;
    float sum = 0;
    u64 first = (u64)blockIdx.x * ROWS;
    for (u64 p = first; p < pixels && p < first + ROWS; p++) sum += get(g[p * C + c]) * get(x[p * C + c]);
    weights[blockIdx.x * C + c] = sum;
}
