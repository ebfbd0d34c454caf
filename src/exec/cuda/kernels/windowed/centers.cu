// Which centers pixels chose: counted in their window of GH x GW, or in the whole grid of
// DOWN x ACROSS windows. N pixels a window, HEADS choices a pixel, both in the order of windows.

#define M (GH * GW)
#define WINDOWS (DOWN * ACROSS)

// Center i of a window, in the whole grid.
__device__ inline u32 whole(u32 window, u32 i) {
    u32 row = window / ACROSS * GH + i / GW;
    return row * (ACROSS * GW) + window % ACROSS * GW + i % GW;
}

// A thread a choice.
extern "C" __global__ void __launch_bounds__(THREADS) centers_join(u32* index, u64 choices) {
    u64 i = thread_index();
    if (i < choices) index[i] = whole(i / (N * HEADS) % WINDOWS, index[i]);
}

extern "C" __global__ void __launch_bounds__(THREADS) centers_part(u32* index, u64 choices) {
    u64 i = thread_index();
    if (i >= choices) return;
    u32 row = index[i] / (ACROSS * GW), column = index[i] % (ACROSS * GW);
    index[i] = row % GH * GW + column % GW;
}

// Weights of a window's centers [choices, M] to those of all [choices, WINDOWS M], where the others
// have nothing, and back. A thread a weight of all.
extern "C" __global__ void __launch_bounds__(THREADS)
weights_join(const real* within, real* all, u64 choices) {
    u64 i = thread_index();
    if (i >= choices * (WINDOWS * M)) return;
    u64 choice = i / (WINDOWS * M);
    u32 center = i % (WINDOWS * M), row = center / (ACROSS * GW), column = center % (ACROSS * GW);
    u32 window = row / GH * ACROSS + column / GW, own = choice / (N * HEADS) % WINDOWS;
    if (window == own)
        all[i] = within[choice * M + row % GH * GW + column % GW];
    else
        put(all[i], 0);
}

extern "C" __global__ void __launch_bounds__(THREADS)
weights_part(const real* all, real* within, u64 choices) {
    u64 i = thread_index();
    if (i >= choices * M) return;
    u64 choice = i / M;
    within[i] = all[choice * (WINDOWS * M) + whole(choice / (N * HEADS) % WINDOWS, i % M)];
}
