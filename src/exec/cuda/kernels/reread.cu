// The numbers of an image in another order: those of N pixels of C channels, read in FROM blocks of
// channels that lie one after the other, become M pixels of E channels read in TO blocks.
// A thread a number of the result.

extern "C" __global__ void __launch_bounds__(THREADS) reread(const real* x, real* y, int images) {
    u64 i = thread_index();
    if (i >= (u64)images * M * E) return;
    u32 channel = i % E, pixel = i / E % M;
    // Its place in the memory that both read, and from there in the map that was.
    u32 width = E / TO;
    u32 memory = (channel / width * M + pixel) * width + channel % width;
    u32 from = C / FROM, row = memory / from;
    u64 image = i / (M * E);
    y[i] = x[image * ((u64)N * C) + row % N * C + row / N * from + memory % from];
}
