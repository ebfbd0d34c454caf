// Maps and grids in the order of their windows, and back. DOWN x ACROSS windows of H x W pixels, a
// pixel with C words of WORD bytes; a thread a word.

#if WORD == 2
typedef unsigned short word;
#else
typedef u32 word;
#endif

#define SIZE (DOWN * ACROSS * H * W)

// Where pixel i, counted window by window, stands in the map.
__device__ inline u32 place(u32 i) {
    u32 column = i % W, row = i / W % H, window = i / (H * W);
    return (window / ACROSS * H + row) * (ACROSS * W) + window % ACROSS * W + column;
}

extern "C" __global__ void __launch_bounds__(THREADS)
window_part(const word* map, word* parted, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * SIZE * C) return;
    u64 image = i / ((u64)SIZE * C);
    parted[i] = map[(image * SIZE + place(i / C % SIZE)) * C + i % C];
}

extern "C" __global__ void __launch_bounds__(THREADS)
window_join(const word* parted, word* map, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * SIZE * C) return;
    u64 image = i / ((u64)SIZE * C);
    map[(image * SIZE + place(i / C % SIZE)) * C + i % C] = parted[i];
}
