// Layer norm over rows of C numbers: biased variance, eps 1e-5, affine. A warp per row; a lane
// holds every 32nd number of it.

#define PER ((C + 31) / 32)

// Gives the normalized row and returns the reciprocal deviation.
__device__ inline float normalize(const real* row, float* x) {
    int lane = threadIdx.x % 32;
    float sum = 0, squares = 0;
    for (int i = 0; i < PER; i++) {
        int c = i * 32 + lane;
        x[i] = c < C ? get(row[c]) : 0;
        sum += x[i];
    }
    float mean = warp_sum(sum) / C;
    for (int i = 0; i < PER; i++) {
        x[i] = i * 32 + lane < C ? x[i] - mean : 0;
        squares += x[i] * x[i];
    }
    float scale = 1.0f / sqrtf(warp_sum(squares) / C + 1e-5f);
    for (int i = 0; i < PER; i++) x[i] *= scale;
    return scale;
}

// x, y [rows, C]; weight, bias [C]
extern "C" __global__ void __launch_bounds__(THREADS)
layer_norm_forward(const real* x, const float* weight, const float* bias, real* y, int rows) {
    int row = blockIdx.x * (THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    float normal[PER];
    normalize(x + (u64)row * C, normal);
    for (int i = 0; i < PER; i++) {
        int c = i * 32 + lane;
        if (c < C) put(y[(u64)row * C + c], normal[i] * weight[c] + bias[c]);
    }
}

// x, g, gx [rows, C]; partial sums of the gradients of weight and bias [gridDim.x, C] each
extern "C" __global__ void __launch_bounds__(THREADS)
layer_norm_backward(const real* x, const float* weight, const real* g, real* gx,
                    float* partial_weight, float* partial_bias, int rows, int adds) {
    __shared__ float sums[2][C];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    float gw[PER] = {}, gb[PER] = {};
    for (int row = blockIdx.x * (THREADS / 32) + warp; row < rows; row += gridDim.x * (THREADS / 32)) {
        float normal[PER], inner[PER], sum = 0, along = 0;
        float scale = normalize(x + (u64)row * C, normal);
        for (int i = 0; i < PER; i++) {
            int c = i * 32 + lane;
            float gradient = c < C ? get(g[(u64)row * C + c]) : 0;
            gw[i] += gradient * normal[i];
            gb[i] += gradient;
            inner[i] = c < C ? gradient * weight[c] : 0;
            sum += inner[i];
            along += inner[i] * normal[i];
        }
        sum = warp_sum(sum) / C;
        along = warp_sum(along) / C;
        for (int i = 0; i < PER; i++) {
            int c = i * 32 + lane;
            if (c >= C) continue;
            real* to = gx + (u64)row * C + c;
            put(*to, (inner[i] - sum - normal[i] * along) * scale + (adds ? get(*to) : 0));
        }
    }
    for (int turn = 0; turn < THREADS / 32; turn++) {
        if (turn == warp)
            for (int i = 0; i < PER; i++) {
                int c = i * 32 + lane;
                if (c < C) {
                    sums[0][c] = turn ? sums[0][c] + gw[i] : gw[i];
                    sums[1][c] = turn ? sums[1][c] + gb[i] : gb[i];
                }
            }
        __syncthreads();
    }
    for (int c = threadIdx.x; c < C; c += THREADS) {
        partial_weight[blockIdx.x * C + c] = sums[0][c];
        partial_bias[blockIdx.x * C + c] = sums[1][c];
    }
}
