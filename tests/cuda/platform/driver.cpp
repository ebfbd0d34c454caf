// The driver, as far as it is called: one GPU whose memory is the host's. What is put on a stream is done
// as late as is allowed: when somebody waits for it.

#include "platform.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace platform {

typedef std::vector<Work> Graph;

struct Stream {
    std::deque<Work> waiting;
    bool capturing = false, broken = false;
    Graph captured;
    // Of work that nobody has been told of yet.
    CUresult failure = SUCCESS;
};

struct Event {
    bool recorded = false, timed = true;
    Stream* stream = nullptr;
    std::chrono::steady_clock::time_point at;
    bool happened = false;
};

namespace {

// Bytes of the device; a test may ask for fewer.
const size_t MEMORY = [] {
    const char* told = getenv("PLATFORM_MEMORY");
    return told ? (size_t)strtoull(told, nullptr, 10) : (size_t)4 << 30;
}();
const size_t ALIGN = 256;

bool initialized;
thread_local bool has_context;
int context_mark;
std::set<Stream*> streams;
std::set<Event*> events;
std::map<uint64_t, std::vector<char>> pinned;
size_t used;
// A piece within its pages.
struct Allocation {
    size_t bytes;
    void* all;
    size_t pages;
};
std::map<uint64_t, Allocation> allocations;

struct Module {
    // Its path leads to it for as long as it is open.
    int file;
    void* library;
    std::map<std::string, std::unique_ptr<struct Function>> functions;
};

struct Function {
    const Entry* entry;
    Shared shared;
};

void finish(Stream* stream) {
    while (!stream->waiting.empty()) {
        Work work = std::move(stream->waiting.front());
        stream->waiting.pop_front();
        CUresult result = work();
        if (stream->failure == SUCCESS) stream->failure = result;
    }
}

void finish_all() {
    for (Stream* stream : streams) finish(stream);
}

// What went wrong since somebody was told. A real driver would tell all who ask from then on.
CUresult tell(Stream* stream) {
    CUresult result = stream->failure;
    stream->failure = SUCCESS;
    return result;
}

// Waiting within a capture breaks it.
bool breaks(Stream* stream) {
    if (stream->capturing) stream->broken = true;
    return stream->capturing;
}

bool is_pinned(const void* at, size_t bytes) {
    auto next = pinned.upper_bound((uint64_t)at);
    if (next == pinned.begin()) return false;
    --next;
    uint64_t inside = (uint64_t)at - next->first;
    return inside <= next->second.size() && bytes <= next->second.size() - inside;
}

}  // namespace

std::recursive_mutex& lock() {
    static std::recursive_mutex* one = new std::recursive_mutex;
    return *one;
}

bool current() { return has_context; }

CUresult submit(Stream* stream, Work work) {
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (stream->broken) return CAPTURE_INVALIDATED;
    if (stream->capturing) stream->captured.push_back(std::move(work));
    else stream->waiting.push_back(std::move(work));
    return SUCCESS;
}

}  // namespace platform

using namespace platform;

#define HOLD std::lock_guard<std::recursive_mutex> hold(lock())
#define IN_CONTEXT                          \
    HOLD;                                   \
    if (!initialized) return NOT_INITIALIZED; \
    if (!has_context) return INVALID_CONTEXT

CALL CUresult cuInit(unsigned flags) {
    HOLD;
    if (flags) return INVALID_VALUE;
    initialized = true;
    return SUCCESS;
}

CALL CUresult cuDriverGetVersion(int* version) {
    *version = 13000;
    return SUCCESS;
}

CALL CUresult cuGetErrorName(CUresult error, const char** name) {
    switch (error) {
        case OUT_OF_MEMORY: *name = "out of memory"; break;
        case NOT_FOUND: *name = "named symbol not found"; break;
        case ILLEGAL_ADDRESS: *name = "an illegal memory access was encountered"; break;
        case MISALIGNED_ADDRESS: *name = "misaligned address"; break;
        case LAUNCH_FAILED: *name = "unspecified launch failure"; break;
        default: *name = "an error of the emulated GPU";
    }
    return SUCCESS;
}

CALL CUresult cuGetErrorString(CUresult error, const char** text) { return cuGetErrorName(error, text); }

CALL CUresult cuDeviceGetCount(int* count) {
    HOLD;
    if (!initialized) return NOT_INITIALIZED;
    *count = 1;
    return SUCCESS;
}

CALL CUresult cuDeviceGet(int* device, int ordinal) {
    HOLD;
    if (!initialized) return NOT_INITIALIZED;
    if (ordinal != 0) return (CUresult)101;
    *device = 0;
    return SUCCESS;
}

CALL CUresult cuDeviceGetName(char* name, int size, int) {
    snprintf(name, size, "emulated GPU");
    return SUCCESS;
}

CALL CUresult cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case 75: *value = 9; break;   // compute capability, major
        case 76: *value = 0; break;   // and minor
        case 115: *value = 1; break;  // memory pools
        default: return INVALID_VALUE;
    }
    return SUCCESS;
}

CALL CUresult cuDevicePrimaryCtxRetain(void** context, int) {
    HOLD;
    if (!initialized) return NOT_INITIALIZED;
    *context = &context_mark;
    return SUCCESS;
}

CALL CUresult cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

CALL CUresult cuCtxSetCurrent(void* context) {
    if (context && context != &context_mark) return INVALID_CONTEXT;
    has_context = context;
    return SUCCESS;
}

CALL CUresult cuCtxGetCurrent(void** context) {
    *context = has_context ? &context_mark : nullptr;
    return SUCCESS;
}

CALL CUresult cuCtxSynchronize() {
    IN_CONTEXT;
    finish_all();
    CUresult result = SUCCESS;
    for (Stream* stream : streams)
        if (CUresult told = tell(stream)) result = told;
    return result;
}

CALL CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    IN_CONTEXT;
    *free = MEMORY - used;
    *total = MEMORY;
    return SUCCESS;
}

// Begins as no numbers; what lies behind it can not be touched.
CALL CUresult cuMemAlloc_v2(uint64_t* at, size_t bytes) {
    IN_CONTEXT;
    if (!bytes) return INVALID_VALUE;
    if (bytes > MEMORY - used) return OUT_OF_MEMORY;
    size_t page = sysconf(_SC_PAGESIZE), room = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    size_t pages = (room + page - 1) / page * page;
    void* all = mmap(nullptr, pages + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) return OUT_OF_MEMORY;
    mprotect(all, pages, PROT_READ | PROT_WRITE);
    *at = (uint64_t)all + pages - room;
    memset((void*)*at, 0xff, room);
    allocations[*at] = {bytes, all, pages + page};
    track(*at, bytes);
    used += bytes;
    return SUCCESS;
}

CALL CUresult cuMemFree_v2(uint64_t at) {
    IN_CONTEXT;
    auto found = allocations.find(at);
    if (found == allocations.end()) return INVALID_VALUE;
    // Whoever is at work with it comes first.
    finish_all();
    used -= found->second.bytes;
    munmap(found->second.all, found->second.pages);
    allocations.erase(found);
    forget(at);
    return SUCCESS;
}

CALL CUresult cuMemHostAlloc(void** at, size_t bytes, unsigned) {
    IN_CONTEXT;
    std::vector<char> room(bytes, (char)0xff);
    *at = room.data();
    pinned[(uint64_t)*at] = std::move(room);
    return SUCCESS;
}

CALL CUresult cuMemFreeHost(void* at) {
    IN_CONTEXT;
    finish_all();
    return pinned.erase((uint64_t)at) ? SUCCESS : INVALID_VALUE;
}

// Pinned bytes are read when the copy is done, others are taken at once.
CALL CUresult cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, Stream* stream) {
    IN_CONTEXT;
    if (!holds(to, bytes)) return INVALID_VALUE;
    if (is_pinned(from, bytes))
        return submit(stream, [=] {
            memcpy((void*)to, from, bytes);
            return SUCCESS;
        });
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (breaks(stream)) return CAPTURE_UNSUPPORTED;
    auto taken = std::make_shared<std::vector<char>>((const char*)from, (const char*)from + bytes);
    return submit(stream, [=] {
        memcpy((void*)to, taken->data(), bytes);
        return SUCCESS;
    });
}

CALL CUresult cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, Stream* stream) {
    IN_CONTEXT;
    if (!holds(from, bytes)) return INVALID_VALUE;
    if (is_pinned(to, bytes))
        return submit(stream, [=] {
            memcpy(to, (const void*)from, bytes);
            return SUCCESS;
        });
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (breaks(stream)) return CAPTURE_UNSUPPORTED;
    finish(stream);
    memcpy(to, (const void*)from, bytes);
    return tell(stream);
}

CALL CUresult cuStreamCreate(Stream** stream, unsigned) {
    IN_CONTEXT;
    streams.insert(*stream = new Stream);
    return SUCCESS;
}

CALL CUresult cuStreamDestroy_v2(Stream* stream) {
    IN_CONTEXT;
    if (!streams.count(stream)) return INVALID_HANDLE;
    finish(stream);
    if (stream->failure != SUCCESS) {
        fprintf(stderr, "what failed on a stream was never asked for\n");
        abort();
    }
    streams.erase(stream);
    delete stream;
    return SUCCESS;
}

CALL CUresult cuStreamSynchronize(Stream* stream) {
    IN_CONTEXT;
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (breaks(stream)) return CAPTURE_UNSUPPORTED;
    finish(stream);
    return tell(stream);
}

CALL CUresult cuStreamBeginCapture_v2(Stream* stream, int) {
    IN_CONTEXT;
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (stream->capturing) return INVALID_VALUE;
    stream->capturing = true;
    stream->captured.clear();
    return SUCCESS;
}

CALL CUresult cuStreamEndCapture(Stream* stream, Graph** graph) {
    IN_CONTEXT;
    if (!streams.count(stream)) return INVALID_HANDLE;
    if (!stream->capturing) return INVALID_VALUE;
    bool broken = stream->broken;
    stream->capturing = stream->broken = false;
    *graph = broken ? nullptr : new Graph(std::move(stream->captured));
    stream->captured.clear();
    return broken ? CAPTURE_INVALIDATED : SUCCESS;
}

CALL CUresult cuGraphInstantiateWithFlags(Graph** ready, Graph* graph, unsigned long long) {
    IN_CONTEXT;
    *ready = new Graph(*graph);
    return SUCCESS;
}

CALL CUresult cuGraphDestroy(Graph* graph) {
    IN_CONTEXT;
    delete graph;
    return SUCCESS;
}

// What still is to be done by it has copies of its own.
CALL CUresult cuGraphExecDestroy(Graph* graph) { return cuGraphDestroy(graph); }

CALL CUresult cuGraphLaunch(Graph* graph, Stream* stream) {
    IN_CONTEXT;
    for (Work& work : *graph)
        if (CUresult error = submit(stream, work)) return error;
    return SUCCESS;
}

CALL CUresult cuModuleLoadData(Module** module, const void* image) {
    IN_CONTEXT;
    if (memcmp(image, "\x7f" "ELF", 4)) return INVALID_IMAGE;
    // How large it is, it says itself: its table of sections lies last.
    auto field = [&](size_t at, size_t bytes) {
        uint64_t value = 0;
        memcpy(&value, (const char*)image + at, bytes);
        return value;
    };
    size_t bytes = field(0x28, 8) + field(0x3a, 2) * field(0x3c, 2);
    int file = memfd_create("kernels", 0);
    if (file < 0) return OUT_OF_MEMORY;
    for (size_t done = 0; done < bytes;) {
        ssize_t more = write(file, (const char*)image + done, bytes - done);
        if (more <= 0) return OUT_OF_MEMORY;
        done += more;
    }
    std::string path = "/proc/self/fd/" + std::to_string(file);
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s\n", dlerror());
    if (!library) return INVALID_IMAGE;
    auto entries = (const Entry*)dlsym(library, "platform_entries");
    auto shared = (char**)dlsym(library, "platform_shared");
    if (!entries || !shared) return INVALID_IMAGE;
    *module = new Module{file, library, {}};
    for (; entries->name; entries++)
        (*module)->functions[entries->name].reset(new Function{entries, {shared[0], shared[1]}});
    return SUCCESS;
}

CALL CUresult cuModuleUnload(Module* module) {
    IN_CONTEXT;
    finish_all();
    dlclose(module->library);
    close(module->file);
    delete module;
    return SUCCESS;
}

CALL CUresult cuModuleGetFunction(Function** function, Module* module, const char* name) {
    IN_CONTEXT;
    auto found = module->functions.find(name);
    if (found == module->functions.end()) return NOT_FOUND;
    *function = found->second.get();
    return SUCCESS;
}

CALL CUresult cuFuncGetAttribute(int* value, int, Function*) {
    IN_CONTEXT;
    *value = 32;
    return SUCCESS;
}

CALL CUresult cuLaunchKernel(Function* function, unsigned x, unsigned y, unsigned z, unsigned block_x,
                             unsigned block_y, unsigned block_z, unsigned shared, Stream* stream,
                             void** parameters, void** extra) {
    IN_CONTEXT;
    if (!x || !y || z != 1 || x >= 1u << 31 || y >= 1 << 16) return INVALID_VALUE;
    if (!block_x || block_x > 1024 || block_y != 1 || block_z != 1 || shared || extra) return INVALID_VALUE;
    // Arguments are taken now.
    const Entry& entry = *function->entry;
    std::vector<size_t> places;
    size_t bytes = 0;
    for (unsigned i = 0; i < entry.count; i++) {
        bytes = (bytes + entry.sizes[i] - 1) / entry.sizes[i] * entry.sizes[i];
        places.push_back(bytes);
        bytes += entry.sizes[i];
    }
    places.push_back(bytes);
    auto arguments = std::make_shared<std::vector<char>>(bytes + 1);
    for (unsigned i = 0; i < entry.count; i++)
        memcpy(arguments->data() + places[i], parameters[i], entry.sizes[i]);
    return submit(stream, [=] {
        std::vector<void*> each;
        for (size_t place : places) each.push_back(arguments->data() + place);
        unsigned grid[2] = {x, y};
        return run(*function->entry, function->shared, grid, block_x, each.data());
    });
}

CALL CUresult cuEventCreate(Event** event, unsigned flags) {
    IN_CONTEXT;
    events.insert(*event = new Event);
    (*event)->timed = !(flags & 2);
    return SUCCESS;
}

CALL CUresult cuEventDestroy_v2(Event* event) {
    IN_CONTEXT;
    if (!events.count(event)) return INVALID_HANDLE;
    finish_all();
    events.erase(event);
    delete event;
    return SUCCESS;
}

CALL CUresult cuEventRecord(Event* event, Stream* stream) {
    IN_CONTEXT;
    if (!events.count(event)) return INVALID_HANDLE;
    event->recorded = true;
    event->happened = false;
    event->stream = stream;
    return submit(stream, [=] {
        event->at = std::chrono::steady_clock::now();
        event->happened = true;
        return SUCCESS;
    });
}

CALL CUresult cuEventSynchronize(Event* event) {
    IN_CONTEXT;
    if (!events.count(event)) return INVALID_HANDLE;
    if (!event->recorded || !streams.count(event->stream)) return SUCCESS;
    finish(event->stream);
    return tell(event->stream);
}

CALL CUresult cuEventElapsedTime_v2(float* milliseconds, Event* begin, Event* end) {
    IN_CONTEXT;
    if (!begin->recorded || !end->recorded || !begin->timed || !end->timed) return INVALID_HANDLE;
    if (!begin->happened || !end->happened) return NOT_READY;
    *milliseconds = std::chrono::duration<float, std::milli>(end->at - begin->at).count();
    return SUCCESS;
}
