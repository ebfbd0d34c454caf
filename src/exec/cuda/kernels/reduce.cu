// Sums in a fixed order.

// The sum of the rows of partial [rows, n] into sum [n].
struct Sum {
    const float* partial;
    float* sum;
    int rows, n;
};

// Whether a block works for this sum: a block has 32 columns, or one where there are few of them.
__device__ inline bool own(const Sum& sum, u32& block) {
    u32 blocks = sum.n < 32 ? sum.n : (sum.n + 31) / 32;
    if (block < blocks) return true;
    block -= blocks;
    return false;
}

__device__ inline void fold_one(const Sum& s, u32 block) {
    __shared__ float slices[8][32];
    __shared__ float room[8];
    float part = 0;
    if (s.n < 32) {
        for (int row = threadIdx.x; row < s.rows; row += 256) part += s.partial[(u64)row * s.n + block];
        part = block_sum(part, room);
        if (threadIdx.x == 0) s.sum[block] = part;
        return;
    }
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, column = block * 32 + lane;
    if (column < s.n)
        for (int row = slice; row < s.rows; row += 8) part += s.partial[(u64)row * s.n + column];
    slices[slice][lane] = part;
    __syncthreads();
    if (slice == 0 && column < s.n) {
        part = 0;
        for (int i = 0; i < 8; i++) part += slices[i][lane];
        s.sum[column] = part;
    }
}

// Up to four sums; those that are none have no column.
extern "C" __global__ void __launch_bounds__(256)
fold(const float* partial_a, float* sum_a, int rows_a, int n_a,
     const float* partial_b, float* sum_b, int rows_b, int n_b,
     const float* partial_c, float* sum_c, int rows_c, int n_c,
     const float* partial_d, float* sum_d, int rows_d, int n_d) {
    u32 block = blockIdx.x;
    Sum s = {partial_a, sum_a, rows_a, n_a};
    if (own(s, block)) return fold_one(s, block);
    s = {partial_b, sum_b, rows_b, n_b};
    if (own(s, block)) return fold_one(s, block);
    s = {partial_c, sum_c, rows_c, n_c};
    if (own(s, block)) return fold_one(s, block);
    s = {partial_d, sum_d, rows_d, n_d};
    if (own(s, block)) return fold_one(s, block);
}

// Partial column sums of x [rows, n] into partial [gridDim.y, n]: the gradient of a bias.
extern "C" __global__ void __launch_bounds__(256)
columns(const real* x, float* partial, int rows, int n) {
    __shared__ float slices[8][32];
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    float part = 0;
    const int SOME = 8;
    int step = gridDim.y * 8;
    if (column < n)
        // Some rows are asked for before the first of them is added.
        for (int first = blockIdx.y * 8 + slice; first < rows; first += SOME * step) {
            float loaded[SOME];
            for (int k = 0; k < SOME; k++) {
                u64 row = first + (u64)k * step;
                loaded[k] = row < rows ? get(x[row * n + column]) : 0;
            }
            for (int k = 0; k < SOME; k++) part += loaded[k];
        }
    slices[slice][lane] = part;
    __syncthreads();
    if (slice == 0 && column < n) {
        part = 0;
        for (int i = 0; i < 8; i++) part += slices[i][lane];
        partial[(u64)blockIdx.y * n + column] = part;
    }
}
