// Centers become the mean of themselves and the pixels that chose them: o_m = (sum of v_n + z_m) /
// (count + 1), where z is the adaptive average of v. index [images, H, W], v [images, H, W, C],
// o [images, GH, GW, C]. A warp per center adds up its pixels in their order; blockIdx.y is the image.

#define N (H * W)
#define M (GH * GW)
#define PER ((C + 31) / 32)

extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_forward(const u32* index, const real* v, real* o) {
    u32 m = blockIdx.x * (THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (m >= M) return;
    const real* image = v + (u64)blockIdx.y * N * C;
    float sum[PER] = {};
    u32 top = bin_start(m / GW, H, GH), bottom = bin_end(m / GW, H, GH);
    u32 left = bin_start(m % GW, W, GW), right = bin_end(m % GW, W, GW);
    for (u32 r = top; r < bottom; r++)
        for (u32 q = left; q < right; q++)
            for (int i = 0; i < PER; i++)
                if (i * 32 + lane < C) sum[i] += get(image[(r * W + q) * C + i * 32 + lane]);
    for (int i = 0; i < PER; i++) sum[i] /= (bottom - top) * (right - left);
    float count = 1;
    members(index + (u64)blockIdx.y * N, 1, N, m, [&](u32 n) {
        for (int i = 0; i < PER; i++)
            if (i * 32 + lane < C) sum[i] += get(image[n * C + i * 32 + lane]);
        count += 1;
    });
    for (int i = 0; i < PER; i++)
        if (i * 32 + lane < C) put(o[((u64)blockIdx.y * M + m) * C + i * 32 + lane], sum[i] / count);
}

// What every center gives to each of its pixels: share = g / (count + 1), [images, GH, GW, C] in float.
extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_shares(const u32* index, const real* g, float* share) {
    u32 m = blockIdx.x * (THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (m >= M) return;
    float count = 1;
    members(index + (u64)blockIdx.y * N, 1, N, m, [&](u32) { count += 1; });
    u64 row = ((u64)blockIdx.y * M + m) * C;
    for (int c = lane; c < C; c += 32) share[row + c] = get(g[row + c]) / count;
}

// gv: from the center chosen, and from the bins the pixel lies in. A thread an element.
extern "C" __global__ void __launch_bounds__(THREADS)
cluster_mean_backward(const u32* index, const float* share, real* gv, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * N * C) return;
    u32 column = i / C % W, row = i / C / W % H;
    const float* image = share + i / ((u64)N * C) * (M * C) + i % C;
    float sum = image[index[i / C] * C];
    for (u32 r = bins_start(row, H, GH); r < bins_end(row, H, GH); r++)
        for (u32 q = bins_start(column, W, GW); q < bins_end(column, W, GW); q++) {
            u32 height = bin_end(r, H, GH) - bin_start(r, H, GH);
            u32 width = bin_end(q, W, GW) - bin_start(q, W, GW);
            sum += image[(r * GW + q) * C] / (height * width);
        }
    put(gv[i], sum);
}
