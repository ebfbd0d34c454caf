// What a sanitizer says of kernels on a GPU: accesses outside of all memory, at addresses that are no
// multiple of what is read there, and races. The compiler calls us at every access of a kernel: those are
// the entries of its own sanitizers (`-fsanitize=thread`, `-fsanitize=alignment` and more), whose
// libraries are not linked.
//
// Two accesses race if one of them writes, they are of two threads, and nothing orders them: threads of a
// block are ordered by barriers alone (what lanes hand each other orders no memory), blocks by nothing,
// launches by their stream.

#include "platform.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <map>

namespace platform {

bool own(uint64_t at);
void abandon();
unsigned thread_number(), block_number(), barriers_passed();

namespace {

struct Access {
    uint32_t launch, block;
    uint16_t thread, barriers;
};

// Two bytes of memory, as no kernel writes single ones: who wrote there last and who read there since; `others` of the same block,
// `elsewhere` others of other blocks did as well.
struct Cell {
    Access write, read;
    bool others, elsewhere;
};

struct Piece {
    uint64_t at;
    size_t bytes;
    // Pages that are there once they are touched, and begin as nothing.
    Cell* cells;

    size_t room() const { return (bytes / 2 + 1) * sizeof(Cell); }

    Cell* cell(uint64_t at) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        if (!cells) cells = (Cell*)mmap(nullptr, room(), PROT_READ | PROT_WRITE, flags, -1, 0);
        return cells + (at - this->at) / 2;
    }

    void clear() {
        if (cells) munmap(cells, room());
        cells = nullptr;
    }
};

std::map<uint64_t, Piece> pieces;
Piece shared_piece;
Piece* last;
const Entry* running;
uint32_t launches;
CUresult found;
unsigned told;

Access now() {
    return {launches, block_number(), (uint16_t)thread_number(), (uint16_t)barriers_passed()};
}

// Whether what was done then is done for sure, for the thread that runs now. Every block has shared memory
// of its own.
bool ordered(const Access& then, const Access& now, bool shared) {
    if (then.launch != now.launch) return true;
    if (then.block != now.block) return shared;
    return then.thread == now.thread || then.barriers != now.barriers;
}

// The caller is the instruction.
void tell(CUresult result, const char* what, uint64_t at, void* caller) {
    found = found == SUCCESS ? result : found;
    if (told++ > 8) return;
    fprintf(stderr, "`%s`, thread %u of block %u, after barrier %u, at %p: %s at 0x%llx\n", running->name,
            thread_number(), block_number(), barriers_passed(), caller, what, (unsigned long long)at);
}

void race(const char* what, const Access& other, uint64_t at, void* caller) {
    char words[160];
    snprintf(words, sizeof words, "%s thread %u of block %u after barrier %u", what, other.thread,
             other.block, other.barriers);
    tell(LAUNCH_FAILED, words, at, caller);
}

Piece* piece(uint64_t at, size_t bytes) {
    auto inside = [&](Piece& piece) { return at - piece.at < piece.bytes && at + bytes <= piece.at + piece.bytes; };
    if (last && inside(*last)) return last;
    if (inside(shared_piece)) return last = &shared_piece;
    auto next = pieces.upper_bound(at);
    if (next == pieces.begin()) return nullptr;
    --next;
    return inside(next->second) ? last = &next->second : nullptr;
}

// Calls each(cell, me, shared) for every cell of an access that is not a thread's own.
template <class Each>
void cells(uint64_t at, size_t bytes, void* caller, const char* outside, Each each) {
    if (!running || own(at)) return;
    Piece* in = piece(at, bytes);
    if (!in) {
        tell(ILLEGAL_ADDRESS, outside, at, caller);
        abandon();
    }
    Access me = now();
    for (Cell *cell = in->cell(at), *end = in->cell(at + bytes - 1); cell <= end; cell++)
        each(*cell, me, in == &shared_piece);
}

void read(uint64_t at, size_t bytes, void* caller) {
    cells(at, bytes, caller, "reads outside of all memory", [&](Cell& cell, const Access& me, bool shared) {
        if (cell.write.launch && !ordered(cell.write, me, shared))
            race("reads what is written by", cell.write, at, caller);
        if (cell.read.launch != me.launch || (shared && cell.read.block != me.block)) {
            cell.read = me;
            cell.others = cell.elsewhere = false;
        } else if (cell.read.block != me.block) {
            cell.elsewhere = true;
        } else if (cell.read.barriers != me.barriers) {
            cell.read = me;
            cell.others = false;
        } else if (cell.read.thread != me.thread) {
            cell.others = true;
        }
    });
}

void write(uint64_t at, size_t bytes, void* caller) {
    cells(at, bytes, caller, "writes outside of all memory", [&](Cell& cell, const Access& me, bool shared) {
        if (cell.write.launch && !ordered(cell.write, me, shared))
            race("writes what is written by", cell.write, at, caller);
        if (cell.read.launch == me.launch) {
            bool before = ordered(cell.read, me, shared) &&
                          !(cell.others && cell.read.block == me.block && cell.read.barriers == me.barriers);
            if (!before || (cell.elsewhere && !shared))
                race("writes what is read by", cell.read, at, caller);
        }
        cell.write = me;
    });
}

}  // namespace

void begin_checks(const Entry& entry, Shared shared) {
    running = &entry;
    launches++;
    told = 0;
    found = SUCCESS;
    last = nullptr;
    shared_piece.clear();
    shared_piece = {(uint64_t)shared.begin, (size_t)(shared.end - shared.begin), nullptr};
}

CUresult end_checks() {
    running = nullptr;
    return found;
}

void track(uint64_t at, size_t bytes) {
    pieces[at] = {at, bytes, nullptr};
    last = nullptr;
}

void forget(uint64_t at) {
    pieces[at].clear();
    pieces.erase(at);
    last = nullptr;
}

bool holds(uint64_t at, size_t bytes) {
    auto next = pieces.upper_bound(at);
    if (next == pieces.begin()) return false;
    const Piece& piece = (--next)->second;
    return at - piece.at <= piece.bytes && bytes <= piece.bytes - (at - piece.at);
}

}  // namespace platform

#define CALLER __builtin_return_address(0)
#define ACCESS(bytes)                                                                                     \
    CALL void __tsan_read##bytes(void* at) { platform::read((uint64_t)at, bytes, CALLER); }               \
    CALL void __tsan_write##bytes(void* at) { platform::write((uint64_t)at, bytes, CALLER); }             \
    CALL void __tsan_unaligned_read##bytes(void* at) { platform::read((uint64_t)at, bytes, CALLER); }     \
    CALL void __tsan_unaligned_write##bytes(void* at) { platform::write((uint64_t)at, bytes, CALLER); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
CALL void __tsan_read_range(void* at, size_t bytes) { platform::read((uint64_t)at, bytes, CALLER); }
CALL void __tsan_write_range(void* at, size_t bytes) { platform::write((uint64_t)at, bytes, CALLER); }
CALL void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
    platform::read((uint64_t)from, bytes, CALLER);
    platform::write((uint64_t)to, bytes, CALLER);
    return memcpy(to, from, bytes);
}
CALL void* __tsan_memset(void* to, int byte, size_t bytes) {
    platform::write((uint64_t)to, bytes, CALLER);
    return memset(to, byte, bytes);
}
CALL void __tsan_func_entry(void*) {}
CALL void __tsan_func_exit() {}
CALL void __tsan_init() {}

// What the compiler's checks of undefined behavior call, which begins with a place in the source.
struct Place {
    const char* file;
    uint32_t line, column;
};

static void undefined(CUresult result, const char* what, const Place& place, uint64_t at) {
    char words[240];
    snprintf(words, sizeof words, "%s:%u:%u: %s", place.file, place.line, place.column, what);
    if (!platform::running) return;
    platform::tell(result, words, at, nullptr);
    platform::abandon();
}

CALL void __ubsan_handle_type_mismatch_v1(Place* place, uint64_t at) {
    undefined(MISALIGNED_ADDRESS, "reads or writes more at once than its address allows", *place, at);
}
CALL void __ubsan_handle_out_of_bounds(Place* place, uint64_t index) {
    undefined(LAUNCH_FAILED, "an index beyond its array", *place, index);
}
CALL void __ubsan_handle_shift_out_of_bounds(Place* place, uint64_t, uint64_t by) {
    undefined(LAUNCH_FAILED, "a shift by more than there are bits", *place, by);
}
CALL void __ubsan_handle_divrem_overflow(Place* place, uint64_t, uint64_t by) {
    undefined(LAUNCH_FAILED, "a division by nothing", *place, by);
}
