// The gate between a refined center and the pooled one: g = sigmoid(W2 gelu(W1 [soft, local] + b1)
// + b2) per center and head, result (1 - g) soft + g local.
//
// soft, local [rows, HEADS, D], rows over images and centers; per head weight1 [2 D, HIDDEN],
// bias1 [HIDDEN], weight2 [HIDDEN], bias2. blockIdx.y is the head. ROWS rows at a time lie in shared
// memory, where two neighboring threads work one out: neighbors of global memory are read by neighbors.

#define A (HEADS * D)
// Both threads of a row have OWN hidden units, or one of them all.
#define SPLIT (HIDDEN % 2 ? 1 : 2)
#define OWN (HIDDEN / SPLIT)

struct Weights {
    const float *weight1, *bias1, *weight2, bias2;
};

__device__ inline Weights weights(const float* w1, const float* b1, const float* w2, const float* b2) {
    u32 head = blockIdx.y;
    return {w1 + head * (2 * D * HIDDEN), b1 + head * HIDDEN, w2 + head * HIDDEN, b2[head]};
}

// Fetches `count` rows of a head, to lie STRIDE numbers apart.
template <int STRIDE>
__device__ inline void fetch(const real* from, float* to, int count) {
    constexpr int K = together(D, sizeof(real)), PACKS = D / K;
    for (int e = threadIdx.x; e < count * PACKS; e += THREADS) {
        int row = e / PACKS, c = e % PACKS * K;
        Pack<real, K> pack = *(const Pack<real, K>*)(from + (u64)row * A + c);
        for (int k = 0; k < K; k++) to[row * STRIDE + c + k] = get(pack.x[k]);
    }
}

// Brings them back.
template <int STRIDE>
__device__ inline void bring(const float* from, real* to, int count) {
    constexpr int K = together(D, sizeof(real)), PACKS = D / K;
    for (int e = threadIdx.x; e < count * PACKS; e += THREADS) {
        int row = e / PACKS, c = e % PACKS * K;
        Pack<real, K> pack;
        for (int k = 0; k < K; k++) put(pack.x[k], from[row * STRIDE + c + k]);
        *(Pack<real, K>*)(to + (u64)row * A + c) = pack;
    }
}

// Calls with(j, weight1[i][first + j]) for every j < COUNT, which divides HIDDEN and `first`, in order. All
// rows of a warp read the same.
template <int COUNT, class With>
__device__ inline void each_weight(const Weights& w, int i, int first, With with) {
    constexpr int K = together(COUNT, sizeof(float));
    for (int j = 0; j < COUNT; j += K) {
        Pack<float, K> pack = *(const Pack<float, K>*)(w.weight1 + i * HIDDEN + first + j);
        for (int k = 0; k < K; k++) with(j + k, pack.x[k]);
    }
}

// Of both threads of a row.
__device__ inline float both(float x) { return x + __shfl_xor_sync(ALL_LANES, x, 1); }

// The gate of one row [soft, local], by a whole warp; leaves the hidden units from `first` on before their
// activation.
__device__ inline float gate(const Weights& w, const float* row, int first, float* hidden) {
    for (int j = 0; j < OWN; j++) hidden[j] = w.bias1[first + j];
    for (int i = 0; i < 2 * D; i++) {
        float z = row[i];
        each_weight<OWN>(w, i, first, [&](int j, float weight) { hidden[j] += z * weight; });
    }
    float logit = 0;
    for (int j = 0; j < OWN; j++) logit += gelu(hidden[j]) * w.weight2[first + j];
    return sigmoid(w.bias2 + (SPLIT == 2 ? both(logit) : logit));
}

// What a thread has of `count` rows.
struct Part {
    int row, half, first;
    // Its warp has some row; beyond the last one a thread takes that, and leaves nothing.
    bool works, leaves;
};

__device__ inline Part part(int count) {
    int row = threadIdx.x / 2, half = threadIdx.x % 2;
    bool works = threadIdx.x / 32 * 16 < count;
    return {min(row, count - 1), half, half % SPLIT * OWN, works, row < count};
}

extern "C" __global__ void __launch_bounds__(THREADS)
gate_forward(const real* soft, const real* local, const float* w1, const float* b1, const float* w2,
             const float* b2, real* out, int rows) {
    // One more than there are, so that rows begin in other banks.
    __shared__ float inputs[ROWS][2 * D + 1];
    int start = blockIdx.x * ROWS, count = min(ROWS, rows - start);
    u64 at = (u64)start * A + blockIdx.y * D;
    fetch<2 * D + 1>(soft + at, inputs[0], count);
    fetch<2 * D + 1>(local + at, inputs[0] + D, count);
    __syncthreads();
    Part my = part(count);
    float *row = inputs[my.row], hidden[OWN], open = 0;
    if (my.works) open = gate(weights(w1, b1, w2, b2), row, my.first, hidden);
    __syncthreads();
    if (my.leaves)
        for (int c = my.half; c < D; c += 2) row[c] += (row[D + c] - row[c]) * open;
    __syncthreads();
    bring<2 * D + 1>(inputs[0], out + at, count);
}

// g [rows, HEADS, D] -> gsoft, glocal, and partial sums of the parameters' gradients, one set per
// block along x: [gridDim.x, HEADS, ...]. Every thread adds the rows up for the weights that are its own.
extern "C" __global__ void __launch_bounds__(THREADS)
gate_backward(const real* soft, const real* local, const float* w1, const float* b1,
              const float* w2, const float* b2, const real* g, real* gsoft, real* glocal,
              float* partial1, float* partial_bias1, float* partial2, float* partial_bias2, int rows) {
    __shared__ float inputs[ROWS][2 * D + 1], gs[ROWS][D + 1];
    __shared__ float slopes[ROWS][HIDDEN + 1], active[ROWS][HIDDEN + 1], logits[ROWS];
    const int WEIGHTS = (2 * D * HIDDEN + THREADS - 1) / THREADS;
    const int UNITS = (HIDDEN + THREADS - 1) / THREADS;
    Weights w = weights(w1, b1, w2, b2);
    float weight1[WEIGHTS] = {}, bias1[UNITS] = {}, weight2[UNITS] = {}, bias2 = 0;
    for (int start = blockIdx.x * ROWS; start < rows; start += gridDim.x * ROWS) {
        int count = min(ROWS, rows - start);
        Part my = part(count);
        u64 at = (u64)start * A + blockIdx.y * D;
        float open = 0;
        __syncthreads();
        fetch<2 * D + 1>(soft + at, inputs[0], count);
        fetch<2 * D + 1>(local + at, inputs[0] + D, count);
        fetch<D + 1>(g + at, gs[0], count);
        __syncthreads();
        if (my.works) {
            const float *row = inputs[my.row], *g = gs[my.row];
            float hidden[OWN], share = 0;
            open = gate(w, row, my.first, hidden);
            for (int c = my.half; c < D; c += 2) share += g[c] * (row[D + c] - row[c]);
            float logit = both(share) * open * (1 - open);
            if (my.leaves && my.half == 0) logits[my.row] = logit;
            if (my.leaves && my.half < SPLIT)
                for (int j = 0; j < OWN; j++) {
                    active[my.row][my.first + j] = gelu(hidden[j]);
                    slopes[my.row][my.first + j] = logit * w.weight2[my.first + j] * gelu_slope(hidden[j]);
                }
        }
        __syncthreads();
        for (int k = 0; k < WEIGHTS; k++) {
            int e = k * THREADS + threadIdx.x;
            if (e < 2 * D * HIDDEN)
                for (int i = 0; i < count; i++)
                    weight1[k] += inputs[i][e / HIDDEN] * slopes[i][e % HIDDEN];
        }
        for (int k = 0; k < UNITS; k++) {
            int j = k * THREADS + threadIdx.x;
            if (j < HIDDEN)
                for (int i = 0; i < count; i++) {
                    bias1[k] += slopes[i][j];
                    weight2[k] += logits[i] * active[i][j];
                }
        }
        if (threadIdx.x == 0)
            for (int i = 0; i < count; i++) bias2 += logits[i];
        __syncthreads();
        // One has the gradient of `soft`, the other that of `local`.
        if (my.leaves)
            for (int c = 0; c < D; c++) {
                float back = gs[my.row][c] * (my.half ? open : 1 - open);
                const float* slope = slopes[my.row];
                int i = my.half * D + c;
                each_weight<HIDDEN>(w, i, 0, [&](int j, float weight) { back += weight * slope[j]; });
                inputs[my.row][i] = back;
            }
        __syncthreads();
        bring<2 * D + 1>(inputs[0], gsoft + at, count);
        bring<2 * D + 1>(inputs[0] + D, glocal + at, count);
    }
    u64 set = (u64)blockIdx.x * HEADS + blockIdx.y;
    for (int k = 0; k < WEIGHTS; k++) {
        int e = k * THREADS + threadIdx.x;
        if (e < 2 * D * HIDDEN) partial1[set * (2 * D * HIDDEN) + e] = weight1[k];
    }
    for (int k = 0; k < UNITS; k++) {
        int j = k * THREADS + threadIdx.x;
        if (j >= HIDDEN) continue;
        partial_bias1[set * HIDDEN + j] = bias1[k];
        partial2[set * HIDDEN + j] = weight2[k];
    }
    if (threadIdx.x == 0) partial_bias2[set] = bias2;
}
