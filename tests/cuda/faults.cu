// Kernels over 64 threads a block, each but the first with one fault.

// The sum of the numbers of a block's threads, by a tree.
extern "C" __global__ void fine(float* x) {
    __shared__ float room[64];
    u32 i = threadIdx.x;
    room[i] = i;
    for (u32 half = 32; half > 0; half /= 2) {
        __syncthreads();
        if (i < half) room[i] += room[i + half];
    }
    if (i == 0) x[blockIdx.x] = room[0];
}

// A barrier that half of the threads do not come to.
extern "C" __global__ void divergent(float* x) {
    if (threadIdx.x < 32) __syncthreads();
    x[threadIdx.x] = 1;
}

// Four numbers at once, from an address between.
extern "C" __global__ void misaligned(float* x) {
    *(Pack<float, 4>*)(x + 1 + 4 * threadIdx.x) = Pack<float, 4>{{1, 2, 3, 4}};
}

extern "C" __global__ void beyond_an_array(float* x) {
    float own[4] = {1, 2, 3, 4};
    x[threadIdx.x] = own[threadIdx.x / 8];
}

struct Four {
    float x[4];
};

extern "C" __global__ void beyond_a_structure(float* x) {
    __shared__ Four own;
    if (threadIdx.x == 0) own = Four{{1, 2, 3, 4}};
    __syncthreads();
    x[threadIdx.x] = own.x[threadIdx.x / 8];
}

// Two read what one of them writes.
extern "C" __global__ void read_by_others(float* x) {
    __shared__ float one;
    if (threadIdx.x == 0) one = 1;
    __syncthreads();
    x[threadIdx.x] = one;
    if (threadIdx.x == 63) one = 2;
}

// One block reads what another writes.
extern "C" __global__ void blocks_read(float* x) {
    if (blockIdx.x == 0) x[threadIdx.x] = 1;
    else x[64 + threadIdx.x] = x[threadIdx.x];
}

// The tree without what orders it.
extern "C" __global__ void no_barrier(float* x) {
    __shared__ float room[64];
    u32 i = threadIdx.x;
    room[i] = i;
    x[i] = room[63 - i];
}

// What is read may be written anew already.
extern "C" __global__ void early(float* x) {
    __shared__ float room[64];
    u32 i = threadIdx.x;
    for (int round = 0; round < 2; round++) {
        room[i] = i + round;
        __syncthreads();
        x[64 * round + i] = room[63 - i];
    }
}

// All blocks write the same numbers.
extern "C" __global__ void blocks_meet(float* x) { x[threadIdx.x] = blockIdx.x; }

// The second block is one number too far.
extern "C" __global__ void beyond(float* x) { x[936 + blockIdx.x + threadIdx.x] = 1; }
