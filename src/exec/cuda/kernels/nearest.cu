// Every pixel's most similar center: the largest cosine over all channels, the first on ties.
// x [images, H, W, C]; centers [images, GH, GW, C] in float, its adaptive averages; index
// [images, H, W].

#define N (H * W)
#define M (GH * GW)

// A thread an element of the centers.
extern "C" __global__ void __launch_bounds__(THREADS)
nearest_centers(const real* x, float* centers, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * M * C) return;
    u32 c = i % C, column = i / C % GW, row = i / C / GW % GH;
    x += i / (M * C) * ((u64)N * C) + c;
    u32 top = bin_start(row, H, GH), bottom = bin_end(row, H, GH);
    u32 left = bin_start(column, W, GW), right = bin_end(column, W, GW);
    float sum = 0;
    for (u32 r = top; r < bottom; r++)
        for (u32 q = left; q < right; q++) sum += get(x[(r * W + q) * C]);
    centers[i] = sum / ((bottom - top) * (right - left));
}

// By channel; rows lie so that four neighbors are read at once.
struct Tiles {
    alignas(16) float pixels[16][68];
    alignas(16) float centers[16][68];
};

// Products by tiles of 64 pixels and 64 centers in shared memory, 16 channels at a time, four by
// four a thread (256 threads); the best so far of every pixel stays in registers. A pixel's length
// changes no order and is left out. blockIdx.x is the image.
extern "C" __global__ void __launch_bounds__(256)
nearest(const real* x, const float* centers, u32* index) {
    __shared__ Tiles tiles;
    __shared__ float values[64][17];
    __shared__ u32 indices[64][17];
    int tx = threadIdx.x % 16, ty = threadIdx.x / 16, first = blockIdx.y * 64;
    x += (u64)blockIdx.x * N * C;
    centers += (u64)blockIdx.x * M * C;
    float best[4];
    u32 winner[4];
    for (int i = 0; i < 4; i++) best[i] = -3e38f, winner[i] = 0;
    for (int start = 0; start < M; start += 64) {
        float sums[4][4] = {}, squares[4] = {};
        for (int channel = 0; channel < C; channel += 16) {
            __syncthreads();
            float mine[4], theirs[4];
            for (int k = 0; k < 4; k++) {
                int row = threadIdx.x / 16 + 16 * k, c = channel + threadIdx.x % 16;
                mine[k] = c < C && first + row < N ? get(x[(u64)(first + row) * C + c]) : 0;
                theirs[k] = c < C && start + row < M ? centers[(u64)(start + row) * C + c] : 0;
            }
            for (int k = 0; k < 4; k++) {
                int row = threadIdx.x / 16 + 16 * k, c = threadIdx.x % 16;
                tiles.pixels[c][row] = mine[k];
                tiles.centers[c][row] = theirs[k];
            }
            __syncthreads();
            for (int c = 0; c < 16; c++) {
                Pack<float, 4> a = *(const Pack<float, 4>*)(tiles.pixels[c] + ty * 4);
                Pack<float, 4> b = *(const Pack<float, 4>*)(tiles.centers[c] + tx * 4);
                for (int i = 0; i < 4; i++) squares[i] += b.x[i] * b.x[i];
                for (int i = 0; i < 4; i++)
                    for (int j = 0; j < 4; j++) sums[i][j] += a.x[i] * b.x[j];
            }
        }
        for (int j = 0; j < 4; j++) {
            u32 m = start + tx * 4 + j;
            float length = fmaxf(sqrtf(squares[j]), LEAST);
            for (int i = 0; i < 4; i++) {
                float cosine = sums[i][j] / length;
                if (m < M && cosine > best[i]) best[i] = cosine, winner[i] = m;
            }
        }
    }
    for (int i = 0; i < 4; i++) values[ty * 4 + i][tx] = best[i], indices[ty * 4 + i][tx] = winner[i];
    __syncthreads();
    int row = threadIdx.x;
    if (row >= 64 || first + row >= N) return;
    int top = 0;
    for (int i = 1; i < 16; i++) {
        float value = values[row][i];
        if (value > values[row][top] || (value == values[row][top] && indices[row][i] < indices[row][top]))
            top = i;
    }
    index[(u64)blockIdx.x * N + first + row] = indices[row][top];
}
