// Ops that change what an image's map is: coordinates, the mean over pixels, adaptive pooling.
// Maps are [images, H, W, C], a thread an element, or WIDE neighbors, which divide C.

// x [images, H, W, C] -> y [images, H, W, C + 2]: the row r/(H-1) - 1/2 and the column.
extern "C" __global__ void __launch_bounds__(THREADS)
coordinates_forward(const real* x, real* y, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * H * W * (C + 2)) return;
    u64 pixel = i / (C + 2);
    u32 c = i % (C + 2), row = pixel / W % H, column = pixel % W;
    if (c < C) y[i] = x[pixel * C + c];
    else if (c == C) put(y[i], coordinate(row, H));
    else put(y[i], coordinate(column, W));
}

extern "C" __global__ void __launch_bounds__(THREADS)
coordinates_backward(const real* g, real* gx, int images) {
    u64 i = thread_index();
    if (i < (u64)images * H * W * C) gx[i] = g[i / C * (C + 2) + i % C];
}

// x [images, H, W, C] -> y [images, C]
extern "C" __global__ void __launch_bounds__(THREADS)
mean_forward(const real* x, real* y, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * C) return;
    const real* first = x + i / C * (H * W * C) + i % C;
    float sum = 0;
    for (int n = 0; n < H * W; n++) sum += get(first[n * C]);
    put(y[i], sum / (H * W));
}

extern "C" __global__ void __launch_bounds__(THREADS)
mean_backward(const real* g, real* gx, int images) {
    u64 i = thread_index() * WIDE;
    if (i >= (u64)images * H * W * C) return;
    float x[WIDE];
    load_row<WIDE>(g + i / (H * W * C) * C + i % C, x);
    for (int k = 0; k < WIDE; k++) x[k] *= 1.0f / (H * W);
    store_row<WIDE>(gx + i, x);
}

// x [images, H, W, C] -> y [images, GH, GW, C]
extern "C" __global__ void __launch_bounds__(THREADS)
adaptive_pool_forward(const real* x, real* y, int images) {
    u64 i = thread_index() * WIDE;
    if (i >= (u64)images * GH * GW * C) return;
    u32 c = i % C, column = i / C % GW, row = i / C / GW % GH;
    x += i / (GH * GW * C) * (H * W * C) + c;
    u32 top = bin_start(row, H, GH), bottom = bin_end(row, H, GH);
    u32 left = bin_start(column, W, GW), right = bin_end(column, W, GW);
    float sums[WIDE] = {}, more[WIDE];
    for (u32 r = top; r < bottom; r++)
        for (u32 q = left; q < right; q++) {
            load_row<WIDE>(x + (r * W + q) * C, more);
            for (int k = 0; k < WIDE; k++) sums[k] += more[k];
        }
    float share = 1.0f / ((bottom - top) * (right - left));
    for (int k = 0; k < WIDE; k++) sums[k] *= share;
    store_row<WIDE>(y + i, sums);
}

// g [images, GH, GW, C] -> gx [images, H, W, C]: every pixel from the bins it lies in
extern "C" __global__ void __launch_bounds__(THREADS)
adaptive_pool_backward(const real* g, real* gx, int images, int adds) {
    u64 i = thread_index() * WIDE;
    if (i >= (u64)images * H * W * C) return;
    u32 c = i % C, column = i / C % W, row = i / C / W % H;
    g += i / (H * W * C) * (GH * GW * C) + c;
    float sums[WIDE] = {}, more[WIDE];
    if (adds) load_row<WIDE>(gx + i, sums);
    for (u32 r = bins_start(row, H, GH); r < bins_end(row, H, GH); r++)
        for (u32 q = bins_start(column, W, GW); q < bins_end(column, W, GW); q++) {
            u32 height = bin_end(r, H, GH) - bin_start(r, H, GH);
            u32 width = bin_end(q, W, GW) - bin_start(q, W, GW);
            load_row<WIDE>(g + (r * GW + q) * C, more);
            float share = 1.0f / (height * width);
            for (int k = 0; k < WIDE; k++) sums[k] += more[k] * share;
        }
    store_row<WIDE>(gx + i, sums);
}
