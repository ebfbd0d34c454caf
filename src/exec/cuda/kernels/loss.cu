// Cross entropy of logits [images, K] and what the images show, a warp per image: labels [images], and
// of images that are mixed of two the labels of the smaller parts, others [images], and how much of
// the image they are, shares [images] (both null if none is mixed). All classes share `smoothing`.

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
cross_entropy_forward(const real* logits, const u32* labels, const u32* others, const float* shares,
                      float* loss, float smoothing, int images, int k) {
    int image = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (image >= images) return;
    const real* row = logits + (u64)image * k;
    float sum = normalizer(row, k), all = 0;
    if (smoothing > 0) {
        for (int c = threadIdx.x % 32; c < k; c += 32) all += sum - get(row[c]);
        all = smoothing / k * warp_sum(all);
    }
    if (threadIdx.x % 32 == 0) {
        float share = shares ? shares[image] : 0.0f;
        float hit = (1 - share) * (sum - get(row[labels[image]]));
        if (share > 0) hit += share * (sum - get(row[others[image]]));
        loss[image] = (1 - smoothing) * hit + all;
    }
}

// The gradient of the mean loss over `batch` images times *scale, if there is one:
// (softmax - target) *scale / batch.
extern "C" __global__ void __launch_bounds__(THREADS)
cross_entropy_backward(const real* logits, const u32* labels, const u32* others, const float* shares,
                       const float* scale, real* g, float smoothing, int images, int k, int batch) {
    int image = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (image >= images) return;
    u64 first = (u64)image * k;
    float sum = normalizer(logits + first, k);
    float share = shares ? shares[image] : 0.0f;
    int label = labels[image], other = shares ? (int)others[image] : -1;
    float times = scale ? *scale : 1.0f;
    for (int c = threadIdx.x % 32; c < k; c += 32) {
        float target = smoothing / k;
        if (c == label) target += (1 - smoothing) * (1 - share);
        if (c == other) target += (1 - smoothing) * share;
        put(g[first + c], (expf(get(logits[first + c]) - sum) - target) * times / batch);
    }
}
