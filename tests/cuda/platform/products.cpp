// cuBLASLt, as far as it is called: matrices by columns, sums in float, in one order.

#include "numbers.h"
#include "platform.h"
#include <string.h>
#include <vector>

using namespace platform;

namespace {

enum Status { OK = 0, NOT_INITIALIZED_YET = 1, INVALID = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
// By NVIDIA's numbers.
enum Kind { R_32F = 0, R_16F = 2, R_16BF = 14 };
const int COMPUTE_32F = 68, EPILOGUE_NONE = 1, EPILOGUE_BIAS = 4;

struct Layout {
    int kind;
    uint64_t rows, columns;
    int64_t lead;
    int32_t count = 1;
    int64_t apart = 0;
};

struct Description {
    int turned[2] = {0, 0};
    int epilogue = EPILOGUE_NONE;
    uint64_t bias = 0;
};

struct Preference {
    uint64_t workspace = 0;
    uint32_t schemes = ~0u;
    // Of a, b, c and d, in bytes.
    uint32_t aligned[4] = {256, 256, 256, 256};
};

// What `cublasLtMatmulAlgo_t` holds of ours.
struct Way {
    uint64_t mark, workspace;
    uint32_t aligned[4];
    uint64_t rest[4];
};
const uint64_t MARK = 0x636c7565;
// How much of the workspace is written to, in bytes.
const size_t SCRATCH = 1 << 16;
static_assert(sizeof(Way) == 64);

struct Found {
    Way way;
    size_t workspace;
    Status status;
    float waves;
    int reserved[4];
};

size_t bytes(int kind) { return kind == R_32F ? 4 : 2; }

float get(int kind, uint64_t at, size_t i) {
    if (kind == R_32F) return ((const float*)at)[i];
    uint16_t bits = ((const uint16_t*)at)[i];
    if (kind == R_16F) return half_to_float(bits);
    uint32_t wide = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &wide, 4);
    return x;
}

void put(int kind, uint64_t at, size_t i, float x) {
    if (kind == R_32F) {
        ((float*)at)[i] = x;
    } else if (kind == R_16F) {
        ((uint16_t*)at)[i] = float_to_half(x);
    } else {
        uint32_t bits;
        memcpy(&bits, &x, 4);
        ((uint16_t*)at)[i] = x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }
}

size_t length(const Layout& layout) {
    return ((layout.count - 1) * layout.apart + (layout.columns - 1) * layout.lead + layout.rows) *
           bytes(layout.kind);
}

// `op(x)` as floats, by rows.
std::vector<float> rows(const Layout& layout, uint64_t at, bool turned, size_t m, size_t n) {
    std::vector<float> all(m * n);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            all[i * n + j] = get(layout.kind, at, turned ? i * layout.lead + j : j * layout.lead + i);
    return all;
}

// Sizes of the whole, or what is wrong with them.
Status sizes(const Description& d, const Layout& a, const Layout& b, const Layout& c, size_t& m, size_t& n,
             size_t& k) {
    m = c.rows, n = c.columns, k = d.turned[0] ? a.rows : a.columns;
    bool fit = (d.turned[0] ? a.columns : a.rows) == m && (d.turned[1] ? b.columns : b.rows) == k &&
               (d.turned[1] ? b.rows : b.columns) == n;
    bool counts = a.count == b.count && b.count == c.count;
    return fit && counts ? OK : INVALID;
}

}  // namespace

CALL size_t cublasLtGetVersion() { return 130000; }

CALL Status cublasLtCreate(void** handle) {
    if (!current()) return NOT_INITIALIZED_YET;
    *handle = new int;
    return OK;
}

CALL Status cublasLtDestroy(int* handle) {
    delete handle;
    return OK;
}

CALL Status cublasLtMatrixLayoutCreate(Layout** layout, int kind, uint64_t rows, uint64_t columns, int64_t lead) {
    if (kind != R_32F && kind != R_16F && kind != R_16BF) return NOT_SUPPORTED;
    if (lead < (int64_t)rows || !rows || !columns) return INVALID;
    *layout = new Layout{kind, rows, columns, lead};
    return OK;
}

CALL Status cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t size) {
    if (attribute == 5 && size == 4) memcpy(&layout->count, value, 4);
    else if (attribute == 6 && size == 8) memcpy(&layout->apart, value, 8);
    else return INVALID;
    return OK;
}

CALL Status cublasLtMatrixLayoutDestroy(Layout* layout) {
    delete layout;
    return OK;
}

CALL Status cublasLtMatmulDescCreate(Description** description, int compute, int scale) {
    if (compute != COMPUTE_32F || scale != R_32F) return NOT_SUPPORTED;
    *description = new Description;
    return OK;
}

CALL Status cublasLtMatmulDescSetAttribute(Description* d, int attribute, const void* value, size_t size) {
    if ((attribute == 3 || attribute == 4) && size == 4) memcpy(&d->turned[attribute - 3], value, 4);
    else if (attribute == 7 && size == 4) memcpy(&d->epilogue, value, 4);
    else if (attribute == 8 && size == 8) memcpy(&d->bias, value, 8);
    else return INVALID;
    return OK;
}

CALL Status cublasLtMatmulDescDestroy(Description* description) {
    delete description;
    return OK;
}

CALL Status cublasLtMatmulPreferenceCreate(Preference** preference) {
    *preference = new Preference;
    return OK;
}

CALL Status cublasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* value, size_t size) {
    if (attribute == 1 && size == 8) memcpy(&p->workspace, value, 8);
    else if (attribute == 3 && size == 4) memcpy(&p->schemes, value, 4);
    else if (attribute >= 5 && attribute <= 8 && size == 4) memcpy(&p->aligned[attribute - 5], value, 4);
    else return INVALID;
    return OK;
}

CALL Status cublasLtMatmulPreferenceDestroy(Preference* preference) {
    delete preference;
    return OK;
}

// Refuses what is not aligned to a number, and a bias where matrices lie behind one another or their lines
// are no multiples of four.
CALL Status cublasLtMatmulAlgoGetHeuristic(void*, const Description* d, const Layout* a, const Layout* b,
                                           const Layout* c, const Layout*, const Preference* p, int asked,
                                           Found* all, int* count) {
    size_t m, n, k;
    *count = 0;
    if (asked < 1) return INVALID;
    if (Status wrong = sizes(*d, *a, *b, *c, m, n, k)) return wrong;
    const int kinds[] = {a->kind, b->kind, c->kind, c->kind};
    for (int i = 0; i < 4; i++)
        if (p->aligned[i] < bytes(kinds[i])) return NOT_SUPPORTED;
    if (a->kind != b->kind || (c->kind != R_32F && c->kind != a->kind)) return NOT_SUPPORTED;
    bool bias = d->epilogue == EPILOGUE_BIAS;
    if (bias ? a->count > 1 || m % 4 : d->epilogue != EPILOGUE_NONE) return NOT_SUPPORTED;
    Found found = {};
    found.way = {MARK, p->workspace, {p->aligned[0], p->aligned[1], p->aligned[2], p->aligned[3]}, {}};
    found.workspace = p->workspace;
    found.status = OK;
    *all = found;
    *count = 1;
    return OK;
}

CALL Status cublasLtMatmul(void*, const Description* d, const float* alpha, uint64_t a, const Layout* a_layout,
                           uint64_t b, const Layout* b_layout, const float* beta, uint64_t c,
                           const Layout* c_layout, uint64_t result, const Layout* d_layout, const Way* way,
                           uint64_t workspace, size_t workspace_bytes, Stream* stream) {
    std::lock_guard<std::recursive_mutex> hold(lock());
    size_t m, n, k;
    if (!current() || !way || way->mark != MARK || workspace_bytes < way->workspace) return INVALID;
    if (Status wrong = sizes(*d, *a_layout, *b_layout, *c_layout, m, n, k)) return wrong;
    const uint64_t at[] = {a, b, c, result};
    const Layout* layouts[] = {a_layout, b_layout, c_layout, d_layout};
    for (int i = 0; i < 4; i++) {
        const Layout& layout = *layouts[i];
        uint64_t apart = layout.count > 1 ? layout.apart * bytes(layout.kind) : 0;
        if (!holds(at[i], length(layout)) || (at[i] | apart) % way->aligned[i]) return INVALID;
    }
    if (d->epilogue == EPILOGUE_BIAS && !holds(d->bias, m * bytes(d_layout->kind))) return INVALID;
    if (workspace_bytes && !holds(workspace, workspace_bytes)) return INVALID;
    Description how = *d;
    Layout la = *a_layout, lb = *b_layout, lc = *c_layout, ld = *d_layout;
    float scale = *alpha, add = *beta;
    CUresult sent = submit(stream, [=] {
        // It is scratch: nothing in it lasts.
        memset((void*)workspace, 0xff, workspace_bytes < SCRATCH ? workspace_bytes : SCRATCH);
        for (int part = 0; part < la.count; part++) {
            auto behind = [&](uint64_t at, const Layout& layout) {
                return at + part * layout.apart * bytes(layout.kind);
            };
            auto left = rows(la, behind(a, la), how.turned[0], m, k);
            auto right = rows(lb, behind(b, lb), how.turned[1], k, n);
            std::vector<float> sums(m * n);
            for (size_t i = 0; i < m; i++)
                for (size_t l = 0; l < k; l++)
                    for (size_t j = 0; j < n; j++) sums[i * n + j] += left[i * k + l] * right[l * n + j];
            for (size_t j = 0; j < n; j++)
                for (size_t i = 0; i < m; i++) {
                    float x = scale * sums[i * n + j];
                    if (how.epilogue == EPILOGUE_BIAS) x += get(ld.kind, how.bias, i);
                    if (add != 0) x += add * get(lc.kind, behind(c, lc), j * lc.lead + i);
                    put(ld.kind, behind(result, ld), j * ld.lead + i, x);
                }
        }
        return SUCCESS;
    });
    return sent ? EXECUTION_FAILED : OK;
}
