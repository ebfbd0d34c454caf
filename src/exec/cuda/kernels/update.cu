// The optimizer's step over all parameters, which lie behind each other as one array of n numbers.

// Partial sums of squares of the gradients, one per block.
extern "C" __global__ void __launch_bounds__(THREADS)
squares(const float* g, float* partial, u64 n) {
    __shared__ float room[THREADS / 32];
    float sum = 0;
    for (u64 i = thread_index(); i < n; i += (u64)gridDim.x * THREADS) sum += g[i] * g[i];
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// The norm of the gradients, which are those of the loss times step[4], without that; and what they are
// scaled by so that they are without it and no longer than `most`: norm[0], norm[1]. If a gradient or a
// loss is no finite number, both are none.
extern "C" __global__ void __launch_bounds__(THREADS)
clip(const float* partial, const float* losses, const float* step, float* norm, int count, int images,
     float most) {
    __shared__ float room[THREADS / 32];
    float sum = 0;
    for (int i = threadIdx.x; i < count; i += THREADS) sum += partial[i];
    // Nothing, of a number that is one.
    for (int i = threadIdx.x; i < images; i += THREADS) sum += losses[i] - losses[i];
    sum = block_sum(sum, room);
    if (threadIdx.x == 0) {
        float length = sqrtf(sum) / step[4], none = length - length;
        norm[0] = length + none;
        norm[1] = (length > most ? most / (length + 1e-6f) : 1.0f) / step[4] + none;
    }
}

// A part's gradients on top of the sum of those before it; the first part's replace what is there.
extern "C" __global__ void __launch_bounds__(THREADS)
add_part(const float* g, float* sum, int first, u64 n) {
    u64 i = thread_index();
    if (i < n) sum[i] = first ? g[i] : sum[i] + g[i];
}

// The running mean of the parameters; step[3] says how much of it they replace. It moves when they do.
extern "C" __global__ void __launch_bounds__(THREADS)
average(const float* p, float* mean, const float* step, const float* norm, u64 n) {
    u64 i = thread_index();
    if (i >= n || norm[0] != norm[0]) return;
    mean[i] = step[3] == 1 ? p[i] : mean[i] + step[3] * (p[i] - mean[i]);
}

// Of every rule: what changes from step to step is read from `step`; `norm` was left by `clip`, and
// where it is none nothing moves. `decays` says of every number whether it decays. `copy`, if there is
// one, is the parameters as stored for products.

// AdamW with moments m and v. `step`: the size of the step, the root of the second moment's bias
// correction, and what decay leaves of a parameter. `first` and `second` are how much of a moment is
// replaced, `left` what is left of the second one.
extern "C" __global__ void __launch_bounds__(THREADS)
adamw(float* p, float* m, float* v, const float* g, real* copy, const unsigned char* decays,
      const float* step, const float* norm, float first, float left, float second, float eps,
      u64 n) {
    u64 i = thread_index();
    if (i >= n || norm[0] != norm[0]) return;
    float size = step[0], root = step[1], keep = decays[i] ? step[2] : 1.0f;
    float gradient = g[i] * norm[1];
    float mean = m[i] + first * (gradient - m[i]);
    float square = left * v[i] + second * gradient * gradient;
    float next = p[i] * keep - size * mean / (sqrtf(square) / root + eps);
    p[i] = next;
    m[i] = mean;
    v[i] = square;
    if (copy) put(copy[i], next);
}

// Stochastic gradient descent with momentum `sum`, if there is one. `step`: the learning rate, and how
// much of a parameter that decays is added to its gradient.
extern "C" __global__ void __launch_bounds__(THREADS)
sgd(float* p, float* sum, const float* g, real* copy, const unsigned char* decays, const float* step,
    const float* norm, float momentum, int nesterov, u64 n) {
    u64 i = thread_index();
    if (i >= n || norm[0] != norm[0]) return;
    float gradient = g[i] * norm[1] + (decays[i] ? step[1] : 0.0f) * p[i];
    float along = gradient;
    if (sum) {
        float next = momentum * sum[i] + gradient;
        sum[i] = next;
        along = nesterov ? gradient + momentum * next : next;
    }
    float next = p[i] - step[0] * along;
    p[i] = next;
    if (copy) put(copy[i], next);
}
