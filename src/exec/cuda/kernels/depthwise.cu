// Depth-wise convolution over maps [images, H, W, C], stride 1, zeros outside; weight [KH, KW, C],
// bias [C]. A thread makes RUN neighbors of a row in one channel, so that a warp reads 32 channels
// of a pixel and the columns under the kernel are loaded once for the run.

#define RUN 4
#define STRIPS ((W + RUN - 1) / RUN)
#define UP (KH / 2)
#define LEFT (KW / 2)

struct Strip {
    u32 c, row, column;
    u64 image;  // offset of its channel
};

__device__ inline bool strip(Strip& s, int images) {
    u64 i = thread_index();
    s.c = i % C;
    s.column = i / C % STRIPS * RUN;
    s.row = i / C / STRIPS % H;
    s.image = i / ((u64)H * STRIPS * C);
    bool inside = s.image < images;
    s.image = s.image * (H * W * C) + s.c;
    return inside;
}

__device__ inline u64 place(const Strip& s, int k) { return s.image + (s.row * W + s.column + k) * C; }

// Convolves a strip; FLIP turns the kernel around, which is what a gradient needs.
template <bool FLIP>
__device__ inline void convolve(const real* x, const float* weight, const Strip& s, float* sums) {
    for (int ky = 0; ky < KH; ky++) {
        int row = (int)s.row + ky - (FLIP ? KH - 1 - UP : UP);
        if (row < 0 || row >= H) continue;
        float line[RUN + KW - 1], taps[KW];
        for (int i = 0; i < RUN + KW - 1; i++) {
            int column = (int)s.column + i - (FLIP ? KW - 1 - LEFT : LEFT);
            line[i] = column >= 0 && column < W ? get(x[s.image + (row * W + column) * C]) : 0;
        }
        for (int kx = 0; kx < KW; kx++)
            taps[kx] = weight[(FLIP ? KH * KW - 1 - ky * KW - kx : ky * KW + kx) * C + s.c];
        for (int k = 0; k < RUN; k++)
            for (int kx = 0; kx < KW; kx++) sums[k] += line[k + kx] * taps[kx];
    }
}

__device__ inline void biased(const real* x, const float* weight, const float* bias, const Strip& s,
                              float* sums) {
    for (int k = 0; k < RUN; k++) sums[k] = bias[s.c];
    convolve<false>(x, weight, s, sums);
}

extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_forward(const real* x, const float* weight, const float* bias, real* y, int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN];
    biased(x, weight, bias, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) put(y[place(s, k)], sums[k]);
}

// y = gelu(conv(x))
extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_gelu_forward(const real* x, const float* weight, const float* bias, real* y, int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN];
    biased(x, weight, bias, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) put(y[place(s, k)], gelu(sums[k]));
}

// From g, the gradient of gelu(conv(x)): that of conv(x), in place; and y once more.
extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_gelu_backward(const real* x, const float* weight, const float* bias, real* g, real* y,
                        int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN];
    biased(x, weight, bias, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) {
        u64 i = place(s, k);
        put(y[i], gelu(sums[k]));
        put(g[i], get(g[i]) * gelu_slope(sums[k]));
    }
}

// g [images, H, W, C] -> gx
extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_backward(const real* g, const float* weight, real* gx, int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN] = {};
    convolve<true>(g, weight, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) put(gx[place(s, k)], sums[k]);
}

// Partial sums of the gradients of weight [gridDim.y, KH, KW, C] and bias [gridDim.y, C]. A block
// has 32 channels and 8 slices of the rows of all images; a window slides along a row.
extern "C" __global__ void __launch_bounds__(256)
depthwise_backward_weight(const real* x, const real* g, float* partial_weight, float* partial_bias,
                          int images) {
    __shared__ float room[KH * KW + 1][32];
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, c = blockIdx.x * 32 + lane;
    float sums[KH * KW + 1] = {};
    if (c < C)
        for (int line = blockIdx.y * 8 + slice; line < images * H; line += gridDim.y * 8) {
            const real* image = x + (u64)(line / H) * (H * W * C) + c;
            const real* gradient = g + (u64)line * (W * C) + c;
            int row = line % H;
            float window[KH][KW] = {};
            for (int column = -LEFT; column < W; column++) {
                for (int ky = 0; ky < KH; ky++) {
                    for (int kx = 0; kx + 1 < KW; kx++) window[ky][kx] = window[ky][kx + 1];
                    int r = row + ky - UP, q = column + KW - 1 - LEFT;
                    bool inside = r >= 0 && r < H && q >= 0 && q < W;
                    window[ky][KW - 1] = inside ? get(image[(r * W + q) * C]) : 0;
                }
                if (column < 0) continue;
                float here = get(gradient[column * C]);
                for (int k = 0; k < KH * KW; k++) sums[k] += here * window[k / KW][k % KW];
                sums[KH * KW] += here;
            }
        }
    for (int turn = 0; turn < 8; turn++) {
        if (turn == slice)
            for (int k = 0; k <= KH * KW; k++) room[k][lane] = turn ? room[k][lane] + sums[k] : sums[k];
        __syncthreads();
    }
    if (c >= C) return;
    for (int k = slice; k <= KH * KW; k += 8) {
        float* to = k < KH * KW ? &partial_weight[((u64)blockIdx.y * KH * KW + k) * C + c]
                                : &partial_bias[(u64)blockIdx.y * C + c];
        *to = room[k][lane];
    }
}
