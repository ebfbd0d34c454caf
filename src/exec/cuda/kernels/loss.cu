// Cross entropy of logits [images, K] and labels [images]; a warp per image.

// The largest logit and the logarithm of the sum of exp(logits) above it.
__device__ inline float normalizer(const real* row, int k) {
    int lane = threadIdx.x % 32;
    float largest = -3e38f, sum = 0;
    for (int c = lane; c < k; c += 32) largest = fmaxf(largest, get(row[c]));
    largest = warp_max(largest);
    for (int c = lane; c < k; c += 32) sum += expf(get(row[c]) - largest);
    return largest + logf(warp_sum(sum));
}

// loss [images]
extern "C" __global__ void __launch_bounds__(THREADS)
cross_entropy_forward(const real* logits, const u32* labels, float* loss, int images, int k) {
    int image = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (image >= images) return;
    const real* row = logits + (u64)image * k;
    float sum = normalizer(row, k);
    if (threadIdx.x % 32 == 0) loss[image] = sum - get(row[labels[image]]);
}

// The gradient of the mean loss: (softmax - one hot) / images.
extern "C" __global__ void __launch_bounds__(THREADS)
cross_entropy_backward(const real* logits, const u32* labels, real* g, int images, int k) {
    int image = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (image >= images) return;
    u64 first = (u64)image * k;
    float sum = normalizer(logits + first, k);
    for (int c = threadIdx.x % 32; c < k; c += 32) {
        float share = expf(get(logits[first + c]) - sum) - (c == labels[image] ? 1.0f : 0.0f);
        put(g[first + c], share / images);
    }
}
