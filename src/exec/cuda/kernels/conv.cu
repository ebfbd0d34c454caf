// A dense convolution's patches as rows, for a matrix product. Maps [images, H, W, STORED], patches
// [images, OH, OW, KH, KW, C], zeros outside the map. Where C is STORED + 2, the last two channels
// are a pixel's row and column, from -1/2 to 1/2. A thread an element.

// One thread per element of the patches.
extern "C" __global__ void __launch_bounds__(THREADS)
unfold(const real* x, real* patches, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * (OH * OW * KH * KW * C)) return;
    u32 c = i % C, kx = i / C % KW, ky = i / (C * KW) % KH;
    u64 pixel = i / (C * KW * KH);
    int row = (int)(pixel / OW % OH * STRIDE + ky) - PAD;
    int column = (int)(pixel % OW * STRIDE + kx) - PAD;
    bool inside = row >= 0 && row < H && column >= 0 && column < W;
    u64 image = pixel / (OH * OW) * (H * W * STORED);
    if (!inside) put(patches[i], 0);
    else if (c < STORED) patches[i] = x[image + (row * W + column) * STORED + c];
    else if (c == STORED) put(patches[i], coordinate(row, H));
    else put(patches[i], coordinate(column, W));
}

// The gradient of a map from that of its patches: every pixel gathers from the patches it is in.
extern "C" __global__ void __launch_bounds__(THREADS)
gather(const real* patches, real* gx, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * (H * W * STORED)) return;
    int c = i % STORED, column = i / STORED % W, row = i / (STORED * W) % H;
    const real* image = patches + i / (H * W * STORED) * ((u64)OH * OW * KH * KW * C) + c;
    float sum = 0;
    for (int ky = 0; ky < KH; ky++) {
        int y = row + PAD - ky;
        if (y < 0 || y % STRIDE || y / STRIDE >= OH) continue;
        for (int kx = 0; kx < KW; kx++) {
            int x = column + PAD - kx;
            if (x < 0 || x % STRIDE || x / STRIDE >= OW) continue;
            sum += get(image[(((y / STRIDE) * OW + x / STRIDE) * (KH * KW) + ky * KW + kx) * C]);
        }
    }
    put(gx[i], sum);
}
