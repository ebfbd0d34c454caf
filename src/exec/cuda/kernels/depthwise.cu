// Depth-wise convolution over maps [images, H, W, C], stride 1, zeros outside; weight [KH, KW, C],
// bias [C]. A thread makes RUN neighbors of a row in VEC channels, or where it sums over pixels in FEW, so
// that a warp reads a line of channels of a pixel and the columns under the kernel are loaded once for
// the run.

#define RUN 4
#define STRIPS ((W + RUN - 1) / RUN)
#define GROUPS (C / VEC)
#define UP (KH / 2)
#define LEFT (KW / 2)

struct Strip {
    u32 c, row, column;
    u64 image;  // offset of its first channel
};

__device__ inline bool strip(Strip& s, int images) {
    u32 i = blockIdx.x * THREADS + threadIdx.x;
    s.c = i % GROUPS * VEC;
    s.column = i / GROUPS % STRIPS * RUN;
    s.row = i / GROUPS / STRIPS % H;
    u32 image = i / (H * STRIPS * GROUPS);
    s.image = (u64)image * (H * W * C) + s.c;
    return image < images;
}

__device__ inline u64 place(const Strip& s, int k) { return s.image + (s.row * W + s.column + k) * C; }

// V channels of a pixel, zeros outside: whole words are zero, not each number by itself.
template <int V>
__device__ inline void load(const real* at, bool inside, float* x) {
    Pack<real, V> pack = {};
    if (inside) pack = *(const Pack<real, V>*)at;
    for (int v = 0; v < V; v++) x[v] = get(pack.x[v]);
}

// The columns [first, first + RUN + KW - 1) of a row, zeros outside of the map.
template <int V>
__device__ inline void load_line(const real* image, int row, int first, float (*line)[V]) {
    bool inside = row >= 0 && row < H;
    for (int i = 0; i < RUN + KW - 1; i++) {
        int column = first + i;
        load<V>(image + (row * W + column) * C, inside && column >= 0 && column < W, line[i]);
    }
}

__device__ inline void store(real* at, const float* x) {
    Pack<real, VEC> pack;
    for (int v = 0; v < VEC; v++) put(pack.x[v], x[v]);
    *(Pack<real, VEC>*)at = pack;
}

typedef Pack<float, VEC> Floats;

// Convolves a strip; FLIP turns the kernel around, which is what a gradient needs. All rows of a small
// kernel are asked for before the first is added.
template <bool FLIP>
__device__ inline void convolve(const real* x, const float* weight, const Strip& s, float (*sums)[VEC]) {
#pragma unroll(KH <= 3 ? KH : 1)
    for (int ky = 0; ky < KH; ky++) {
        int row = (int)s.row + ky - (FLIP ? KH - 1 - UP : UP);
        if (row < 0 || row >= H) continue;
        float line[RUN + KW - 1][VEC];
        load_line(x + s.image, row, (int)s.column - (FLIP ? KW - 1 - LEFT : LEFT), line);
        for (int kx = 0; kx < KW; kx++) {
            int k = FLIP ? KH * KW - 1 - ky * KW - kx : ky * KW + kx;
            Floats tap = *(const Floats*)(weight + k * C + s.c);
            for (int i = 0; i < RUN; i++)
                for (int v = 0; v < VEC; v++) sums[i][v] += line[i + kx][v] * tap.x[v];
        }
    }
}

__device__ inline void biased(const real* x, const float* weight, const float* bias, const Strip& s,
                              float (*sums)[VEC]) {
    Floats first = *(const Floats*)(bias + s.c);
    for (int k = 0; k < RUN; k++)
        for (int v = 0; v < VEC; v++) sums[k][v] = first.x[v];
    convolve<false>(x, weight, s, sums);
}

extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_forward(const real* x, const float* weight, const float* bias, real* y, int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN][VEC];
    biased(x, weight, bias, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) store(y + place(s, k), sums[k]);
}

// y = gelu(conv(x))
extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_gelu_forward(const real* x, const float* weight, const float* bias, real* y, int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN][VEC];
    biased(x, weight, bias, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) {
        for (int v = 0; v < VEC; v++) sums[k][v] = gelu(sums[k][v]);
        store(y + place(s, k), sums[k]);
    }
}

// From g, the gradient of gelu(conv(x)): that of conv(x), in place; and y once more.
extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_gelu_backward(const real* x, const float* weight, const float* bias, real* g, real* y,
                        int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN][VEC];
    biased(x, weight, bias, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) {
        u64 i = place(s, k);
        float here[VEC];
        load<VEC>(g + i, true, here);
        for (int v = 0; v < VEC; v++) {
            here[v] *= gelu_slope(sums[k][v]);
            sums[k][v] = gelu(sums[k][v]);
        }
        store(y + i, sums[k]);
        store(g + i, here);
    }
}

// g [images, H, W, C] -> gx
extern "C" __global__ void __launch_bounds__(THREADS)
depthwise_backward(const real* g, const float* weight, real* gx, int images) {
    Strip s;
    if (!strip(s, images)) return;
    float sums[RUN][VEC] = {};
    convolve<true>(g, weight, s, sums);
    for (int k = 0; k < RUN && s.column + k < W; k++) store(gx + place(s, k), sums[k]);
}

// What a channel has summed: for every tap the products with x, and the gradients that it takes from
// within the map; the gradients.
struct Sums {
    float products[KH * KW][FEW], within[KH * KW][FEW], all[FEW];
};

__device__ inline void add_strip(Sums& sums, const real* image, const real* gradient, int row, int start) {
    float here[RUN][FEW], columns[KW][FEW] = {}, lines[KH][RUN + KW - 1][FEW];
    // All is asked for before anything is added.
    for (int k = 0; k < RUN; k++) load<FEW>(gradient + (start + k) * C, start + k < W, here[k]);
    for (int ky = 0; ky < KH; ky++) load_line(image, row + ky - UP, start - LEFT, lines[ky]);
    for (int k = 0; k < RUN; k++) {
        for (int v = 0; v < FEW; v++) sums.all[v] += here[k][v];
        for (int kx = 0; kx < KW; kx++) {
            int column = start + k + kx - LEFT;
            if (column >= 0 && column < W)
                for (int v = 0; v < FEW; v++) columns[kx][v] += here[k][v];
        }
    }
    for (int ky = 0; ky < KH; ky++) {
        bool inside = row + ky - UP >= 0 && row + ky - UP < H;
        for (int kx = 0; kx < KW; kx++)
            for (int v = 0; v < FEW; v++) {
                for (int k = 0; k < RUN; k++)
                    sums.products[ky * KW + kx][v] += here[k][v] * lines[ky][k + kx][v];
                if (inside) sums.within[ky * KW + kx][v] += columns[kx][v];
            }
    }
}

// Blocks on a multiprocessor, where what they hold fits its registers.
#define BLOCKS (KH * KW <= 9 && sizeof(real) == 2 ? 3 : 1)

// Partial sums of the gradients of weight [gridDim.y, KH, KW, C] and bias [gridDim.y, C], and of gx,
// the gradient of x, itself [gridDim.y, C], unless that is null. A block has 32 FEW channels and 8
// slices of the rows of all images.
extern "C" __global__ void __launch_bounds__(256, BLOCKS)
depthwise_backward_weight(const real* x, const real* g, const float* weight, float* partial_weight,
                          float* partial_bias, float* partial_gx, int images) {
    __shared__ float room[KH * KW + 2][32 * FEW];
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, c = (blockIdx.x * 32 + lane) * FEW;
    Sums sums = {};
    float gx[FEW] = {};
    if (c < C) {
        for (int line = blockIdx.y * 8 + slice; line < images * H; line += gridDim.y * 8) {
            const real* image = x + (u64)(line / H) * (H * W * C) + c;
            const real* gradient = g + (u64)line * (W * C) + c;
            for (int start = 0; start < W; start += RUN)
                add_strip(sums, image, gradient, line % H, start);
        }
        for (int k = 0; k < KH * KW; k++)
            for (int v = 0; v < FEW; v++) gx[v] += weight[k * C + c + v] * sums.within[k][v];
    }
    for (int turn = 0; turn < 8; turn++) {
        if (turn == slice)
            for (int v = 0; v < FEW; v++)
#pragma unroll
                for (int k = 0; k < KH * KW + 2; k++) {
                    float mine = k < KH * KW ? sums.products[k][v] : k == KH * KW ? sums.all[v] : gx[v];
                    float& to = room[k][lane * FEW + v];
                    to = turn ? to + mine : mine;
                }
        __syncthreads();
    }
    for (int i = threadIdx.x; i < (KH * KW + 2) * 32 * FEW; i += 256) {
        int k = i / (32 * FEW), channel = blockIdx.x * 32 * FEW + i % (32 * FEW);
        if (channel >= C) continue;
        float sum = room[k][i % (32 * FEW)];
        if (k < KH * KW) partial_weight[((u64)blockIdx.y * KH * KW + k) * C + channel] = sum;
        else if (k == KH * KW) partial_bias[(u64)blockIdx.y * C + channel] = sum;
        else if (partial_gx) partial_gx[(u64)blockIdx.y * C + channel] = sum;
    }
}
