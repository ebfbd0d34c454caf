// A dense convolution's patches as rows, for a matrix product. Maps [images, H, W, C], patches
// [images, OH, OW, KH, KW, C], zeros outside the map. A thread an element.

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
    u64 image = pixel / (OH * OW) * (H * W * C);
    if (inside) patches[i] = x[image + (row * W + column) * C + c];
    else put(patches[i], 0);
}

// The gradient of a map from that of its patches: every pixel gathers from the patches it is in.
extern "C" __global__ void __launch_bounds__(THREADS)
gather(const real* patches, real* gx, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * (H * W * C)) return;
    int c = i % C, column = i / C % W, row = i / (C * W) % H;
    const real* image = patches + i / (H * W * C) * ((u64)OH * OW * KH * KW * C) + c;
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
