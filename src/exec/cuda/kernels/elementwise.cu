// The small ops, element by element. PACK numbers a thread, which divides every count given.

typedef Pack<real, PACK> Reals;

// Applies y = f(x) to `n` packs.
template <class F>
__device__ inline void map(const real* x, real* y, u64 n, F f) {
    u64 i = thread_index();
    if (i >= n / PACK) return;
    Reals a = ((const Reals*)x)[i], b;
    for (int k = 0; k < PACK; k++) put(b.x[k], f(get(a.x[k])));
    ((Reals*)y)[i] = b;
}

// Applies z = f(x, y).
template <class F>
__device__ inline void map(const real* x, const real* y, real* z, u64 n, F f) {
    u64 i = thread_index();
    if (i >= n / PACK) return;
    Reals a = ((const Reals*)x)[i], b = ((const Reals*)y)[i], c;
    for (int k = 0; k < PACK; k++) put(c.x[k], f(get(a.x[k]), get(b.x[k])));
    ((Reals*)z)[i] = c;
}

// z = scale (x + y); a sum, or with scale 1/2 a blend
extern "C" __global__ void __launch_bounds__(THREADS)
add(const real* x, const real* y, real* z, float scale, u64 n) {
    map(x, y, z, n, [=](float a, float b) { return scale * (a + b); });
}

// y = scale x
extern "C" __global__ void __launch_bounds__(THREADS)
scaled(const real* x, real* y, float scale, u64 n) {
    map(x, y, n, [=](float a) { return scale * a; });
}

extern "C" __global__ void __launch_bounds__(THREADS)
gelu_forward(const real* x, real* y, u64 n) {
    map(x, y, n, [](float a) { return gelu(a); });
}

// gx = g gelu'(x)
extern "C" __global__ void __launch_bounds__(THREADS)
gelu_backward(const real* x, const real* g, real* gx, u64 n) {
    map(x, g, gx, n, [](float a, float b) { return b * gelu_slope(a); });
}

// y = y + bias, in rows of `columns`
extern "C" __global__ void __launch_bounds__(THREADS)
add_bias(const real* bias, real* y, int columns, u64 n) {
    u64 i = thread_index();
    if (i < n) put(y[i], get(y[i]) + get(bias[i % columns]));
}

// From and to float.
extern "C" __global__ void __launch_bounds__(THREADS) narrow(const float* x, real* y, u64 n) {
    u64 i = thread_index();
    if (i < n) put(y[i], x[i]);
}

extern "C" __global__ void __launch_bounds__(THREADS) widen(const real* x, float* y, u64 n) {
    u64 i = thread_index();
    if (i < n) y[i] = get(x[i]);
}

// y = x + factor branch, per image of n numbers; factors [images], grid.y images
extern "C" __global__ void __launch_bounds__(THREADS)
residual_forward(const real* x, const real* branch, const float* factors, real* y, u64 n) {
    float factor = factors[blockIdx.y];
    u64 base = blockIdx.y * n;
    map(x + base, branch + base, y + base, n, [=](float a, float b) { return a + factor * b; });
}

// y = factor x, per image: drop path, and the gradient of a branch
extern "C" __global__ void __launch_bounds__(THREADS)
drop_path(const real* x, const float* factors, real* y, u64 n) {
    float factor = factors[blockIdx.y];
    u64 base = blockIdx.y * n;
    map(x + base, y + base, n, [=](float a) { return factor * a; });
}
