// Sums in a fixed order.

// The sum of the rows of partial [rows, n] into sum [n], on top of what is there with `add`; 32
// columns and 8 slices of rows a block.
extern "C" __global__ void __launch_bounds__(256)
fold(const float* partial, float* sum, int rows, int n, int add) {
    __shared__ float slices[8][32];
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    float part = 0;
    if (column < n)
        for (int row = slice; row < rows; row += 8) part += partial[(u64)row * n + column];
    slices[slice][lane] = part;
    __syncthreads();
    if (slice == 0 && column < n) {
        part = add ? sum[column] : 0;
        for (int i = 0; i < 8; i++) part += slices[i][lane];
        sum[column] = part;
    }
}

// The same for few columns: a block per column.
extern "C" __global__ void __launch_bounds__(256)
fold_narrow(const float* partial, float* sum, int rows, int n, int add) {
    __shared__ float room[8];
    float part = 0;
    for (int row = threadIdx.x; row < rows; row += 256) part += partial[(u64)row * n + blockIdx.x];
    part = block_sum(part, room);
    if (threadIdx.x == 0) sum[blockIdx.x] = add ? sum[blockIdx.x] + part : part;
}

// Partial column sums of x [rows, n] into partial [gridDim.y, n]: the gradient of a bias.
extern "C" __global__ void __launch_bounds__(256)
columns(const real* x, float* partial, int rows, int n) {
    __shared__ float slices[8][32];
    int lane = threadIdx.x % 32, slice = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    float part = 0;
    if (column < n)
        for (int row = blockIdx.y * 8 + slice; row < rows; row += gridDim.y * 8)
            part += get(x[(u64)row * n + column]);
    slices[slice][lane] = part;
    __syncthreads();
    if (slice == 0 && column < n) {
        part = 0;
        for (int i = 0; i < 8; i++) part += slices[i][lane];
        partial[(u64)blockIdx.y * n + column] = part;
    }
}
