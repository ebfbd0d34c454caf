// The gate between a refined center and the pooled one: g = sigmoid(W2 gelu(W1 [soft, local] + b1)
// + b2) per center and head, result (1 - g) soft + g local.
//
// soft, local [rows, HEADS, D], rows over images and centers; per head weight1 [2 D, HIDDEN],
// bias1 [HIDDEN], weight2 [HIDDEN], bias2. blockIdx.y is the head; a thread a row.

#define A (HEADS * D)

struct Weights {
    const float *weight1, *bias1, *weight2, bias2;
};

__device__ inline Weights weights(const float* w1, const float* b1, const float* w2, const float* b2) {
    u32 head = blockIdx.y;
    return {w1 + head * (2 * D * HIDDEN), b1 + head * HIDDEN, w2 + head * HIDDEN, b2[head]};
}

// The gate of one row; leaves the hidden layer before its activation.
__device__ inline float gate(const Weights& w, const real* soft, const real* local, float* hidden) {
    for (int j = 0; j < HIDDEN; j++) hidden[j] = w.bias1[j];
    for (int i = 0; i < 2 * D; i++) {
        float z = get(i < D ? soft[i] : local[i - D]);
        for (int j = 0; j < HIDDEN; j++) hidden[j] += z * w.weight1[i * HIDDEN + j];
    }
    float logit = w.bias2;
    for (int j = 0; j < HIDDEN; j++) logit += gelu(hidden[j]) * w.weight2[j];
    return sigmoid(logit);
}

extern "C" __global__ void __launch_bounds__(THREADS)
gate_forward(const real* soft, const real* local, const float* w1, const float* b1, const float* w2,
             const float* b2, real* out, int rows) {
    int row = blockIdx.x * THREADS + threadIdx.x;
    if (row >= rows) return;
    u64 at = (u64)row * A + blockIdx.y * D;
    float hidden[HIDDEN];
    float g = gate(weights(w1, b1, w2, b2), soft + at, local + at, hidden);
    for (int c = 0; c < D; c++) {
        float s = get(soft[at + c]), l = get(local[at + c]);
        put(out[at + c], s + (l - s) * g);
    }
}

// g [rows, HEADS, D] -> gsoft, glocal, and partial sums of the parameters' gradients, one set per
// block along x: [gridDim.x, HEADS, ...]. ROWS rows at a time are worked out by as many threads;
// then every thread adds them up for the weights that are its own.
extern "C" __global__ void __launch_bounds__(THREADS)
gate_backward(const real* soft, const real* local, const float* w1, const float* b1,
              const float* w2, const float* b2, const real* g, real* gsoft, real* glocal,
              float* partial1, float* partial_bias1, float* partial2, float* partial_bias2, int rows) {
    __shared__ float inputs[ROWS][2 * D + 1], slopes[ROWS][HIDDEN + 1], active[ROWS][HIDDEN + 1];
    __shared__ float logits[ROWS];
    const int OWN = (2 * D * HIDDEN + THREADS - 1) / THREADS;
    const int UNITS = (HIDDEN + THREADS - 1) / THREADS;
    Weights w = weights(w1, b1, w2, b2);
    float own[OWN] = {}, bias1[UNITS] = {}, weight2[UNITS] = {}, bias2 = 0;
    for (int start = blockIdx.x * ROWS; start < rows; start += gridDim.x * ROWS) {
        int count = min(ROWS, rows - start), r = threadIdx.x;
        __syncthreads();
        if (r < count) {
            u64 at = (u64)(start + r) * A + blockIdx.y * D;
            float hidden[HIDDEN], share = 0;
            float open = gate(w, soft + at, local + at, hidden);
            for (int c = 0; c < D; c++) {
                float s = get(soft[at + c]), l = get(local[at + c]);
                inputs[r][c] = s;
                inputs[r][D + c] = l;
                share += get(g[at + c]) * (l - s);
            }
            float logit = share * open * (1 - open);
            logits[r] = logit;
            for (int j = 0; j < HIDDEN; j++) {
                active[r][j] = gelu(hidden[j]);
                slopes[r][j] = logit * w.weight2[j] * gelu_slope(hidden[j]);
            }
            for (int i = 0; i < 2 * D; i++) {
                float back = get(g[at + i % D]) * (i < D ? 1 - open : open);
                for (int j = 0; j < HIDDEN; j++) back += w.weight1[i * HIDDEN + j] * slopes[r][j];
                put(i < D ? gsoft[at + i] : glocal[at + i - D], back);
            }
        }
        __syncthreads();
        for (int k = 0; k < OWN; k++) {
            int e = k * THREADS + threadIdx.x;
            if (e < 2 * D * HIDDEN)
                for (int i = 0; i < count; i++)
                    own[k] += inputs[i][e / HIDDEN] * slopes[i][e % HIDDEN];
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
    }
    u64 set = (u64)blockIdx.x * HEADS + blockIdx.y;
    for (int k = 0; k < OWN; k++) {
        int e = k * THREADS + threadIdx.x;
        if (e < 2 * D * HIDDEN) partial1[set * (2 * D * HIDDEN) + e] = own[k];
    }
    for (int k = 0; k < UNITS; k++) {
        int j = k * THREADS + threadIdx.x;
        if (j >= HIDDEN) continue;
        partial_bias1[set * HIDDEN + j] = bias1[k];
        partial2[set * HIDDEN + j] = weight2[k];
    }
    if (threadIdx.x == 0) partial_bias2[set] = bias2;
}
