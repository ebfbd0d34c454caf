// Every center gathers from all pixels: softmax over pixels of (center . key), times value. One
// pass, flash style: no matrix of centers by pixels anywhere.
//
// Centers [images, M, HEADS, D], keys and values [images, N, HEADS, D]. COSINE: both are made
// directions and a center is divided by exp(max(temperature, floor)); otherwise it is divided by
// sqrt(D). blockIdx.x is image and head.
//
// A block has QUERIES centers and SPLITS of the pixels: a thread walks every SPLITS-th pixel for
// one center, with all it needs in registers, and the splits are merged in order.

#define A (HEADS * D)
#define IMAGE (blockIdx.x / HEADS)
#define HEAD (blockIdx.x % HEADS)

__device__ inline float scale_of(const float* temperature, float floor) {
#if COSINE
    return expf(-fmaxf(*temperature, floor));
#else
    return 1.0f / sqrtf((float)D);
#endif
}

// A center as it meets the keys; gives its length.
__device__ inline float center(const real* row, float scale, float* q) {
    float length = 1;
#if COSINE
    length = direction<D>(row, q);
#else
    load_row<D>(row, q);
#endif
    for (int c = 0; c < D; c++) q[c] *= scale;
    return length;
}

// Numbers of a row in shared memory that are read at once, and from one row to the next.
#define FOUR sides(D)
#define ROW (D + FOUR)

typedef Pack<float, FOUR> Part;

// Keys as they lie, and what makes directions of them.
struct Tile {
    alignas(16) float key[TILE][ROW];
    alignas(16) float value[TILE][ROW];
    float inverse[TILE];
};

// Reads the keys and values of pixels [start, start + count).
__device__ inline void load(Tile& tile, const real* keys, const real* values, int start, int count) {
    __syncthreads();
    for (int i = threadIdx.x; i < count * D; i += THREADS) {
        u64 from = ((u64)IMAGE * N + start + i / D) * A + HEAD * D + i % D;
        tile.key[i / D][i % D] = get(keys[from]);
        tile.value[i / D][i % D] = get(values[from]);
    }
    __syncthreads();
    for (int p = threadIdx.x; p < count; p += THREADS) {
#if COSINE
        float key[D];
        for (int c = 0; c < D; c += FOUR) {
            Part part = *(const Part*)(tile.key[p] + c);
            for (int k = 0; k < FOUR; k++) key[c + k] = part.x[k];
        }
        tile.inverse[p] = 1.0f / fmaxf(sqrtf(dot<D>(key, key)), LEAST);
#else
        tile.inverse[p] = 1;
#endif
    }
    __syncthreads();
}

// mine += factor shared
__device__ inline void add(float* mine, float factor, const float* shared) {
    for (int c = 0; c < D; c += FOUR) {
        Part part = *(const Part*)(shared + c);
        for (int k = 0; k < FOUR; k++) mine[c + k] += factor * part.x[k];
    }
}

// out [images, M, HEADS, D]; lse [images, HEADS, M]: the logarithm of the sum of exp(scores)
extern "C" __global__ void __launch_bounds__(THREADS)
attend_forward(const real* centers, const real* keys, const real* values, const float* temperature,
               float floor, real* out, float* lse) {
    __shared__ Tile tile;
    __shared__ float merged[QUERIES][D + 2];
    int query = threadIdx.x % QUERIES, split = threadIdx.x / QUERIES;
    int m = blockIdx.y * QUERIES + query;
    bool active = split < SPLITS && m < M;
    u64 row = ((u64)IMAGE * M + m) * A + HEAD * D;
    float q[D], sum[D] = {}, largest = -1e30f, total = 0;
    if (active) center(centers + row, scale_of(temperature, floor), q);
    for (int start = 0; start < N; start += TILE) {
        int count = min(TILE, N - start);
        load(tile, keys, values, start, count);
        if (active)
            for (int p = split; p < count; p += SPLITS) {
                float score = dot_shared<D>(q, tile.key[p]) * tile.inverse[p];
                if (score > largest) {
                    float shrink = expf(largest - score);
                    total *= shrink;
                    for (int c = 0; c < D; c++) sum[c] *= shrink;
                    largest = score;
                }
                float weight = expf(score - largest);
                total += weight;
                add(sum, weight, tile.value[p]);
            }
    }
    for (int turn = 0; turn < SPLITS; turn++) {
        if (turn == split && active) {
            float* to = merged[query];
            if (turn > 0) {
                float both = fmaxf(largest, to[D]);
                float mine = expf(largest - both), theirs = expf(to[D] - both);
                for (int c = 0; c < D; c++) sum[c] = sum[c] * mine + to[c] * theirs;
                total = total * mine + to[D + 1] * theirs;
                largest = both;
            }
            for (int c = 0; c < D; c++) to[c] = sum[c];
            to[D] = largest;
            to[D + 1] = total;
        }
        __syncthreads();
    }
    if (split == 0 && active) {
        float* from = merged[query];
        for (int c = 0; c < D; c++) sum[c] = from[c] / from[D + 1];
        store_row<D>(out + row, sum);
        lse[(u64)blockIdx.x * M + m] = from[D] + logf(from[D + 1]);
    }
}

// What the gradient of a score needs of its center: g . out.
__device__ inline float delta_of(const float* g, const real* out) {
    float x[D];
    load_row<D>(out, x);
    return dot<D>(g, x);
}

// g [images, M, HEADS, D] -> gcenters; the temperature's gradient in parts, one per block
extern "C" __global__ void __launch_bounds__(THREADS)
attend_backward_centers(const real* centers, const real* keys, const real* values,
                        const float* temperature, float floor, const real* out, const float* lse,
                        const real* g, real* gcenters, float* partial_temperature) {
    __shared__ Tile tile;
    __shared__ float merged[QUERIES][D + 1];
    int query = threadIdx.x % QUERIES, split = threadIdx.x / QUERIES;
    int m = blockIdx.y * QUERIES + query;
    bool active = split < SPLITS && m < M;
    u64 row = ((u64)IMAGE * M + m) * A + HEAD * D;
    float q[D], go[D], gq[D] = {}, gscale = 0, length = 1, scale = 0, delta = 0, sum = 0;
    if (active) {
        scale = scale_of(temperature, floor);
        length = center(centers + row, scale, q);
        load_row<D>(g + row, go);
        delta = delta_of(go, out + row);
        sum = lse[(u64)blockIdx.x * M + m];
    }
    for (int start = 0; start < N; start += TILE) {
        int count = min(TILE, N - start);
        load(tile, keys, values, start, count);
        if (active)
            for (int p = split; p < count; p += SPLITS) {
                float score = dot_shared<D>(q, tile.key[p]) * tile.inverse[p];
                float slope = expf(score - sum) * (dot_shared<D>(go, tile.value[p]) - delta);
                add(gq, slope * tile.inverse[p], tile.key[p]);
                gscale += slope * score;
            }
    }
    for (int turn = 0; turn < SPLITS; turn++) {
        if (turn == split && active) {
            float* to = merged[query];
            for (int c = 0; c < D; c++) to[c] = turn ? to[c] + gq[c] : gq[c];
            to[D] = turn ? to[D] + gscale : gscale;
        }
        __syncthreads();
    }
    if (split == 0 && active) {
        for (int c = 0; c < D; c++) gq[c] = merged[query][c] * scale;
#if COSINE
        for (int c = 0; c < D; c++) q[c] /= scale;
        through_direction<D>(q, length, gq);
#endif
        store_row<D>(gcenters + row, gq);
    }
#if COSINE
    if (threadIdx.x == 0) {
        float part = 0;
        for (int i = 0; i < QUERIES && blockIdx.y * QUERIES + i < M; i++) part -= merged[i][D];
        if (*temperature < floor) part = 0;
        partial_temperature[(u64)blockIdx.x * gridDim.y + blockIdx.y] = part;
    }
#endif
}

// Some centers, and what the gradients of their scores need.
struct Centers {
    alignas(16) float query[GROUP][ROW];
    alignas(16) float gradient[GROUP][ROW];
    float delta[GROUP], sum[GROUP];
};

// g -> gkeys, gvalues [images, N, HEADS, D]: a thread per pixel walks all centers
extern "C" __global__ void __launch_bounds__(PIXELS)
attend_backward_pixels(const real* centers, const real* keys, const real* values,
                       const float* temperature, float floor, const real* out, const float* lse,
                       const real* g, real* gkeys, real* gvalues) {
    __shared__ Centers these;
    int n = blockIdx.y * PIXELS + threadIdx.x;
    u64 row = ((u64)IMAGE * N + n) * A + HEAD * D;
    float k[D], v[D], gk[D] = {}, gv[D] = {}, length = 1;
    if (n < N) {
#if COSINE
        length = direction<D>(keys + row, k);
#else
        load_row<D>(keys + row, k);
#endif
        load_row<D>(values + row, v);
    }
    for (int start = 0; start < M; start += GROUP) {
        int count = min(GROUP, M - start);
        __syncthreads();
        if (threadIdx.x < count) {
            int i = threadIdx.x;
            u64 from = ((u64)IMAGE * M + start + i) * A + HEAD * D;
            float row[D];
            center(centers + from, scale_of(temperature, floor), row);
            keep<D>(these.query[i], row);
            load_row<D>(g + from, row);
            keep<D>(these.gradient[i], row);
            these.delta[i] = delta_of(row, out + from);
            these.sum[i] = lse[(u64)blockIdx.x * M + start + i];
        }
        __syncthreads();
        if (n >= N) continue;
        for (int i = 0; i < count; i++) {
            float weight = expf(dot_shared<D>(k, these.query[i]) - these.sum[i]);
            float slope = weight * (dot_shared<D>(v, these.gradient[i]) - these.delta[i]);
            add(gv, weight, these.gradient[i]);
            add(gk, slope, these.query[i]);
        }
    }
    if (n >= N) return;
#if COSINE
    through_direction<D>(k, length, gk);
#endif
    store_row<D>(gkeys + row, gk);
    store_row<D>(gvalues + row, gv);
}
