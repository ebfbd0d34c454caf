// A dense convolution's patches as rows, for a matrix product. Maps [images, H, W, STORED], patches
// [images, OH, OW, KH, KW, C], zeros outside the map. Where C is STORED + 2, the last two channels
// are a pixel's row and column, from -1/2 to 1/2. A thread has WIDE neighbors: they divide C, or C + 2 has
// none and WIDE is 1. blockIdx.y is the image.

extern "C" __global__ void __launch_bounds__(THREADS)
unfold(const real* x, real* patches) {
    u32 i = (blockIdx.x * THREADS + threadIdx.x) * WIDE;
    if (i >= (u32)OH * OW * KH * KW * C) return;
    u32 c = i % C, kx = i / C % KW, ky = i / (C * KW) % KH;
    u32 pixel = i / (C * KW * KH);
    int row = (int)(pixel / OW % OH * STRIDE + ky) - PAD;
    int column = (int)(pixel % OW * STRIDE + kx) - PAD;
    bool inside = row >= 0 && row < H && column >= 0 && column < W;
    const real* image = x + blockIdx.y * ((u64)H * W * STORED);
    float values[WIDE] = {};
    if (inside) {
        if (c < STORED) load_row<WIDE>(image + (row * W + column) * STORED + c, values);
        else values[0] = c == STORED ? coordinate(row, H) : coordinate(column, W);
    }
    store_row<WIDE>(patches + blockIdx.y * ((u64)OH * OW * KH * KW * C) + i, values);
}

// The gradient of a map from that of its patches: every pixel gathers from the patches it is in.
extern "C" __global__ void __launch_bounds__(THREADS)
gather(const real* patches, real* gx) {
    u32 i = (blockIdx.x * THREADS + threadIdx.x) * WIDE;
    if (i >= (u32)H * W * STORED) return;
    int c = i % STORED, column = i / STORED % W, row = i / (STORED * W) % H;
    const real* image = patches + blockIdx.y * ((u64)OH * OW * KH * KW * C) + c;
    float sums[WIDE] = {}, more[WIDE];
    for (int ky = 0; ky < KH; ky++) {
        int y = row + PAD - ky;
        if (y < 0 || y % STRIDE || y / STRIDE >= OH) continue;
        for (int kx = 0; kx < KW; kx++) {
            int x = column + PAD - kx;
            if (x < 0 || x % STRIDE || x / STRIDE >= OW) continue;
            load_row<WIDE>(image + (((y / STRIDE) * OW + x / STRIDE) * (KH * KW) + ky * KW + kx) * C, more);
            for (int k = 0; k < WIDE; k++) sums[k] += more[k];
        }
    }
    store_row<WIDE>(gx + blockIdx.y * ((u64)H * W * STORED) + i, sums);
}
