// Layer norm over rows of C numbers: biased variance, eps 1e-5, affine. LANES neighbors of a warp share
// a row; a lane holds PER packs of WIDE numbers of it, every LANES-th one.

#define NUMBERS (PER * WIDE)

// The first number of a lane's i-th pack, which some rows end before.
__device__ inline int first(int i) { return (i * LANES + threadIdx.x % LANES) * WIDE; }

// Over the lanes of a row, the same in each of them.
__device__ inline float row_sum(float x) {
    for (int offset = LANES / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(ALL_LANES, x, offset);
    return x;
}

// A lane's numbers of a row; zeros behind its end.
template <class T>
__device__ inline void load(const T* row, float* x) {
    for (int i = 0; i < PER; i++) {
        Pack<T, WIDE> pack;
        if (first(i) < C) pack = *(const Pack<T, WIDE>*)(row + first(i));
        for (int k = 0; k < WIDE; k++) x[i * WIDE + k] = first(i) < C ? get(pack.x[k]) : 0;
    }
}

__device__ inline void store(real* row, const float* x) {
    for (int i = 0; i < PER; i++) {
        Pack<real, WIDE> pack;
        for (int k = 0; k < WIDE; k++) put(pack.x[k], x[i * WIDE + k]);
        if (first(i) < C) *(Pack<real, WIDE>*)(row + first(i)) = pack;
    }
}

// Gives the normalized row and returns the reciprocal deviation.
__device__ inline float normalize(const real* row, float* x) {
    float sum = 0, squares = 0;
    load(row, x);
    for (int k = 0; k < NUMBERS; k++) sum += x[k];
    float mean = row_sum(sum) / C;
    for (int k = 0; k < NUMBERS; k++) {
        x[k] = first(k / WIDE) < C ? x[k] - mean : 0;
        squares += x[k] * x[k];
    }
    float scale = 1.0f / sqrtf(row_sum(squares) / C + 1e-5f);
    for (int k = 0; k < NUMBERS; k++) x[k] *= scale;
    return scale;
}

// x, y [rows, C]; weight, bias [C]
extern "C" __global__ void __launch_bounds__(THREADS)
layer_norm_forward(const real* x, const float* weight, const float* bias, real* y, int rows) {
    int row = blockIdx.x * (THREADS / LANES) + threadIdx.x / LANES;
    float normal[NUMBERS], factors[NUMBERS], shifts[NUMBERS];
    // Lanes of rows that are not there take part in the warp's sums.
    normalize(x + (u64)min(row, rows - 1) * C, normal);
    load(weight, factors);
    load(bias, shifts);
    for (int k = 0; k < NUMBERS; k++) normal[k] = normal[k] * factors[k] + shifts[k];
    if (row < rows) store(y + (u64)row * C, normal);
}

// x, g, gx [rows, C]; partial sums of the gradients of weight and bias [gridDim.x, C] each
extern "C" __global__ void __launch_bounds__(THREADS)
layer_norm_backward(const real* x, const float* weight, const real* g, real* gx,
                    float* partial_weight, float* partial_bias, int rows, int adds) {
    __shared__ float sums[2][C];
    int group = threadIdx.x / LANES, groups = THREADS / LANES;
    float factors[NUMBERS], gw[NUMBERS] = {}, gb[NUMBERS] = {};
    load(weight, factors);
    for (int start = blockIdx.x * groups; start < rows; start += gridDim.x * groups) {
        int row = start + group;
        u64 at = (u64)min(row, rows - 1) * C;
        float normal[NUMBERS], inner[NUMBERS], sum = 0, along = 0;
        float scale = normalize(x + at, normal);
        load(g + at, inner);
        for (int k = 0; k < NUMBERS; k++) {
            if (row < rows) {
                gw[k] += inner[k] * normal[k];
                gb[k] += inner[k];
            }
            inner[k] *= factors[k];
            sum += inner[k];
            along += inner[k] * normal[k];
        }
        sum = row_sum(sum) / C;
        along = row_sum(along) / C;
        if (row >= rows) continue;
        for (int k = 0; k < NUMBERS; k++) inner[k] = (inner[k] - sum - normal[k] * along) * scale;
        if (adds) {
            load(gx + at, normal);
            for (int k = 0; k < NUMBERS; k++) inner[k] += normal[k];
        }
        store(gx + at, inner);
    }
    // The rows of a warp, then the warps in turn.
    for (int k = 0; k < NUMBERS; k++)
        for (int offset = LANES; offset < 32; offset *= 2) {
            gw[k] += __shfl_xor_sync(ALL_LANES, gw[k], offset);
            gb[k] += __shfl_xor_sync(ALL_LANES, gb[k], offset);
        }
    for (int turn = 0; turn < THREADS / 32; turn++) {
        if (turn == threadIdx.x / 32 && threadIdx.x % 32 < LANES)
            for (int k = 0; k < NUMBERS; k++) {
                int c = first(k / WIDE) + k % WIDE;
                if (c < C) {
                    sums[0][c] = turn ? sums[0][c] + gw[k] : gw[k];
                    sums[1][c] = turn ? sums[1][c] + gb[k] : gb[k];
                }
            }
        __syncthreads();
    }
    for (int c = threadIdx.x; c < C; c += THREADS) {
        partial_weight[blockIdx.x * C + c] = sums[0][c];
        partial_bias[blockIdx.x * C + c] = sums[1][c];
    }
}
