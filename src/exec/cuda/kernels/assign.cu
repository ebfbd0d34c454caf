// Every pixel finds its center: s = sigmoid(beta + alpha cos(query, key)) per head.
//
// Queries [images, M, HEADS, D], keys [images, N, HEADS, D]; alpha, beta one number each. Hard: the
// first largest s, as index and value [images, N, HEADS]. Soft: every s over their sum,
// [images, N, HEADS, M]. blockIdx.x is image and head; a thread a pixel, walking the centers.

#define A (HEADS * D)
#define IMAGE (blockIdx.x / HEADS)
#define HEAD (blockIdx.x % HEADS)
// Numbers of a center in shared memory that are read at once; rows lie apart so that they can be written
// at once too.
#define FOUR sides(D)

// Some centers at a time.
struct Queries {
    alignas(16) float direction[GROUP][D + FOUR];
};

// Reads centers [start, start + count) as directions.
__device__ inline void load(Queries& q, const real* queries, int start, int count) {
    __syncthreads();
    if (threadIdx.x < count) {
        float row[D];
        direction<D>(queries + ((u64)IMAGE * M + start + threadIdx.x) * A + HEAD * D, row);
        keep<D>(q.direction[threadIdx.x], row);
    }
    __syncthreads();
}

// Calls visit(m, direction of center m, cosine) for every center in order; every thread of the
// block must come here, and those with `active` visit.
template <class Visit>
__device__ inline void walk(const real* queries, const float* key, bool active, Queries& q, Visit visit) {
    for (int start = 0; start < M; start += GROUP) {
        int count = min(GROUP, M - start);
        load(q, queries, start, count);
        if (active)
            for (int i = 0; i < count; i++)
                visit(start + i, q.direction[i], dot_shared<D>(key, q.direction[i]));
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
assign_hard_forward(const real* queries, const real* keys, const float* alpha, const float* beta,
                    u32* index, float* value) {
    __shared__ Queries shared;
    int n = blockIdx.y * THREADS + threadIdx.x;
    bool active = n < N;
    float key[D], best = -1;
    u32 winner = 0;
    if (active) direction<D>(keys + ((u64)IMAGE * N + n) * A + HEAD * D, key);
    walk(queries, key, active, shared, [&](u32 m, const float*, float cosine) {
        float s = sigmoid(*alpha * cosine + *beta);
        if (s > best) {
            best = s;
            winner = m;
        }
    });
    if (!active) return;
    u64 to = ((u64)IMAGE * N + n) * HEADS + HEAD;
    index[to] = winner;
    value[to] = best;
}

// g [images, N, HEADS], of the values -> gkeys; gradients of alpha and beta in parts, one per block
extern "C" __global__ void __launch_bounds__(THREADS)
assign_hard_backward_keys(const real* queries, const real* keys, const float* alpha,
                          const u32* index, const float* value, const real* g, real* gkeys,
                          float* partial_alpha, float* partial_beta) {
    __shared__ float room[THREADS / 32];
    int n = blockIdx.y * THREADS + threadIdx.x;
    float galpha = 0, gbeta = 0;
    if (n < N) {
        u64 pixel = (u64)IMAGE * N + n, row = pixel * A + HEAD * D, at = pixel * HEADS + HEAD;
        float key[D], query[D];
        float length = direction<D>(keys + row, key);
        direction<D>(queries + ((u64)IMAGE * M + index[at]) * A + HEAD * D, query);
        gbeta = get(g[at]) * value[at] * (1 - value[at]);
        galpha = gbeta * dot<D>(query, key);
        for (int c = 0; c < D; c++) query[c] *= gbeta * *alpha;
        through_direction<D>(key, length, query);
        store_row<D>(gkeys + row, query);
    }
    galpha = block_sum(galpha, room);
    gbeta = block_sum(gbeta, room);
    if (threadIdx.x == 0) {
        partial_alpha[(u64)blockIdx.x * gridDim.y + blockIdx.y] = galpha;
        partial_beta[(u64)blockIdx.x * gridDim.y + blockIdx.y] = gbeta;
    }
}

#define PER ((D + 31) / 32)

// The gradient of a center from that of its direction; lanes hold every 32nd number.
__device__ inline void finish(const real* query, float* g, real* gquery) {
    int lane = threadIdx.x % 32;
    float x[PER], squares = 0, along = 0;
    for (int i = 0; i < PER; i++) {
        x[i] = i * 32 + lane < D ? get(query[i * 32 + lane]) : 0;
        squares += x[i] * x[i];
        along += x[i] * g[i];
    }
    float length = sqrtf(warp_sum(squares));
    along = length < LEAST ? 0 : warp_sum(along) / (length * length);
    for (int i = 0; i < PER; i++)
        if (i * 32 + lane < D)
            put(gquery[i * 32 + lane], (g[i] - x[i] * along) / fmaxf(length, LEAST));
}

// -> gqueries: the warps of a center add up the pixels that chose it, in their order
extern "C" __global__ void __launch_bounds__(THREADS)
assign_hard_backward_queries(const real* queries, const real* keys, const float* alpha,
                             const u32* index, const float* value, const real* g, real* gqueries) {
    __shared__ float room[ROOM(PER)];
    Share part = warp_share<SHARES>(N);
    int m = part.center, lane = threadIdx.x % 32;
    u64 first = (u64)IMAGE * N * HEADS + HEAD;
    float sum[PER] = {};
    struct Key {
        float x[PER], slope;
    };
    auto load = [&](u32 n) {
        const real* row = keys + ((u64)IMAGE * N + n) * A + HEAD * D;
        Key key;
        for (int i = 0; i < PER; i++) key.x[i] = i * 32 + lane < D ? get(row[i * 32 + lane]) : 0;
        u64 at = first + (u64)n * HEADS;
        key.slope = get(g[at]) * value[at] * (1 - value[at]) * *alpha;
        return key;
    };
    auto add = [&](const Key& key) {
        float squares = 0;
        for (int i = 0; i < PER; i++) squares += key.x[i] * key.x[i];
        float factor = key.slope / fmaxf(sqrtf(warp_sum(squares)), LEAST);
        for (int i = 0; i < PER; i++) sum[i] += factor * key.x[i];
    };
    if (m < M) members(index + first, HEADS, part.from, part.to, m, load, add);
    join<SHARES, PER>(sum, room);
    if (m >= M || !part.first) return;
    u64 row = ((u64)IMAGE * M + m) * A + HEAD * D;
    finish(queries + row, sum, gqueries + row);
}

extern "C" __global__ void __launch_bounds__(THREADS)
assign_soft_forward(const real* queries, const real* keys, const float* alpha, const float* beta,
                    real* weights) {
    __shared__ Queries shared;
    int n = blockIdx.y * THREADS + threadIdx.x;
    bool active = n < N;
    float key[D], total = 0;
    if (active) direction<D>(keys + ((u64)IMAGE * N + n) * A + HEAD * D, key);
    walk(queries, key, active, shared, [&](u32, const float*, float cosine) {
        total += sigmoid(*alpha * cosine + *beta);
    });
    real* to = weights + (((u64)IMAGE * N + n) * HEADS + HEAD) * M;
    walk(queries, key, active, shared, [&](u32 m, const float*, float cosine) {
        put(to[m], sigmoid(*alpha * cosine + *beta) / total);
    });
}

// g [images, N, HEADS, M], of the weights -> gkeys, parts of the gradients of alpha and beta, and
// for the queries: slopes [images, N, HEADS, M], the gradient of every cosine over the key's length
extern "C" __global__ void __launch_bounds__(THREADS)
assign_soft_backward_keys(const real* queries, const real* keys, const float* alpha,
                          const float* beta, const real* g, real* gkeys, float* slopes,
                          float* partial_alpha, float* partial_beta) {
    __shared__ Queries shared;
    __shared__ float room[THREADS / 32];
    int n = blockIdx.y * THREADS + threadIdx.x;
    bool active = n < N;
    u64 row = ((u64)IMAGE * N + n) * A + HEAD * D, first = (((u64)IMAGE * N + n) * HEADS + HEAD) * M;
    float key[D], gkey[D] = {}, length = 1, total = 0, along = 0, galpha = 0, gbeta = 0;
    if (active) length = direction<D>(keys + row, key);
    walk(queries, key, active, shared, [&](u32 m, const float*, float cosine) {
        float s = sigmoid(*alpha * cosine + *beta);
        total += s;
        along += s * get(g[first + m]);
    });
    along /= total;
    walk(queries, key, active, shared, [&](u32 m, const float* query, float cosine) {
        float s = sigmoid(*alpha * cosine + *beta);
        float logit = (get(g[first + m]) - along) / total * s * (1 - s), slope = logit * *alpha;
        gbeta += logit;
        galpha += logit * cosine;
        for (int c = 0; c < D; c++) gkey[c] += slope * query[c];
        slopes[first + m] = slope / fmaxf(length, LEAST);
    });
    if (active) {
        through_direction<D>(key, length, gkey);
        store_row<D>(gkeys + row, gkey);
    }
    galpha = block_sum(galpha, room);
    gbeta = block_sum(gbeta, room);
    if (threadIdx.x == 0) {
        partial_alpha[(u64)blockIdx.x * gridDim.y + blockIdx.y] = galpha;
        partial_beta[(u64)blockIdx.x * gridDim.y + blockIdx.y] = gbeta;
    }
}

// -> gqueries: the warps of a center add up all pixels
extern "C" __global__ void __launch_bounds__(THREADS)
assign_soft_backward_queries(const real* queries, const real* keys, const float* slopes, real* gqueries) {
    __shared__ float room[ROOM(PER)];
    Share part = warp_share<SHARES>(N);
    int m = part.center, lane = threadIdx.x % 32;
    float sum[PER] = {};
    for (u32 n = part.from; m < M && n < part.to; n++) {
        u64 pixel = (u64)IMAGE * N + n;
        float slope = slopes[(pixel * HEADS + HEAD) * M + m];
        for (int i = 0; i < PER; i++)
            if (i * 32 + lane < D) sum[i] += slope * get(keys[pixel * A + HEAD * D + i * 32 + lane]);
    }
    join<SHARES, PER>(sum, room);
    if (m >= M || !part.first) return;
    u64 row = ((u64)IMAGE * M + m) * A + HEAD * D;
    finish(queries + row, sum, gqueries + row);
}
