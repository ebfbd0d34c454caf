// Kernels, run: blocks one after the other, the threads of a block as fibers on one thread of the
// system, switched only where they wait for each other.

#include "platform.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

namespace platform {
namespace {

struct Index {
    unsigned x, y, z;
};

enum State { READY, AT_BLOCK, AT_WARP, DONE };

struct Fiber {
    ucontext_t start;
    jmp_buf at;
    bool begun;
    State state;
    unsigned turn;
};

const unsigned MOST = 1024, STACK = 64 << 10;
Fiber* fibers;
unsigned current_fiber;
char* stacks;
jmp_buf scheduler;
// What lanes hand each other; two turns, so that one wait is enough.
unsigned slots[2][MOST];
const Entry* body;
void** body_arguments;
bool abandoned;

}  // namespace

extern "C" {
__attribute__((visibility("default"))) Index platform_thread, platform_block, platform_block_size,
    platform_grid_size;
}

// Whether these bytes are a thread's own: its stack, its arguments, where it is, what lanes hand it.
bool own(uint64_t at) {
    auto within = [&](const void* begin, size_t bytes) { return at - (uint64_t)begin < bytes; };
    if (within(stacks, (size_t)MOST * STACK) || within(slots, sizeof slots)) return true;
    for (const Index* index : {&platform_thread, &platform_block, &platform_block_size, &platform_grid_size})
        if (within(index, sizeof *index)) return true;
    if (within(body_arguments, (body->count + 1) * sizeof(void*))) return true;
    return body->count && at >= (uint64_t)body_arguments[0] && at < (uint64_t)body_arguments[body->count];
}

// Of the thread that runs: its number within the block, and that of its block.
unsigned thread_number() { return current_fiber; }
unsigned block_number() { return platform_block.y * platform_grid_size.x + platform_block.x; }

namespace {

void wait(State state) {
    Fiber& fiber = fibers[current_fiber];
    fiber.state = state;
    if (!_setjmp(fiber.at)) _longjmp(scheduler, 1);
}

// A fiber takes part in block after block.
void enter() {
    for (;;) {
        body->call(body_arguments);
        wait(DONE);
    }
}

void resume(unsigned i) {
    current_fiber = i;
    platform_thread = {i, 0, 0};
    Fiber& fiber = fibers[i];
    if (_setjmp(scheduler)) return;
    if (fiber.begun) _longjmp(fiber.at, 1);
    fiber.begun = true;
    getcontext(&fiber.start);
    fiber.start.uc_stack.ss_sp = stacks + (size_t)i * STACK;
    fiber.start.uc_stack.ss_size = STACK;
    fiber.start.uc_link = 0;
    makecontext(&fiber.start, enter, 0);
    setcontext(&fiber.start);
}

// Lets those who wait go on once all of them have come; false if some never will.
bool release(State state, unsigned first, unsigned count) {
    unsigned waiting = 0, done = 0;
    for (unsigned i = first; i < first + count; i++) {
        waiting += fibers[i].state == state;
        done += fibers[i].state == DONE;
    }
    if (waiting == count)
        for (unsigned i = first; i < first + count; i++) fibers[i].state = READY;
    return waiting == 0 || done == 0;
}

bool run_block() {
    unsigned threads = platform_block_size.x;
    for (unsigned i = 0; i < threads; i++) fibers[i].state = READY;
    for (;;) {
        bool moved = false, whole = true;
        for (unsigned i = 0; i < threads; i++)
            if (fibers[i].state == READY) {
                resume(i);
                moved = true;
                if (abandoned) return false;
            }
        for (unsigned first = 0; first < threads; first += 32)
            whole &= release(AT_WARP, first, threads - first < 32 ? threads - first : 32);
        whole &= release(AT_BLOCK, 0, threads);
        bool done = true;
        for (unsigned i = 0; i < threads; i++) done &= fibers[i].state == DONE;
        if (done) return true;
        if (!whole || !moved) return false;
    }
}

}  // namespace

// Ends the launch where it is: what comes next would end the program.
void abandon() {
    abandoned = true;
    _longjmp(scheduler, 1);
}

// How often each thread of the block has waited for all others.
static unsigned barriers[MOST];
unsigned barriers_passed() { return barriers[current_fiber]; }

CALL void platform_wait_for_block() {
    wait(AT_BLOCK);
    barriers[current_fiber]++;
}

CALL const unsigned* platform_exchange(unsigned mine) {
    unsigned turn = fibers[current_fiber].turn++ % 2, lane = current_fiber;
    slots[turn][lane] = mine;
    wait(AT_WARP);
    return &slots[turn][lane / 32 * 32];
}

CUresult run(const Entry& entry, Shared shared, const unsigned grid[2], unsigned block, void** arguments) {
    if (!fibers) {
        fibers = (Fiber*)calloc(MOST, sizeof(Fiber));
        stacks = (char*)malloc((size_t)MOST * STACK);
    }
    body = &entry;
    body_arguments = arguments;
    abandoned = false;
    platform_block_size = {block, 1, 1};
    platform_grid_size = {grid[0], grid[1], 1};
    begin_checks(entry, shared);
    bool whole = true;
    // Backwards: nothing may depend on which block comes first.
    for (unsigned y = grid[1]; whole && y-- > 0;)
        for (unsigned x = grid[0]; whole && x-- > 0;) {
            platform_block = {x, y, 0};
            memset(barriers, 0, sizeof barriers);
            // No numbers, whatever reads them before they are written.
            memset(shared.begin, 0xff, shared.end - shared.begin);
            whole = run_block();
        }
    CUresult found = end_checks();
    if (whole) return found;
    // Those who wait wait for ever: the next launch has other fibers.
    memset(fibers, 0, MOST * sizeof(Fiber));
    if (abandoned) return found;
    fprintf(stderr, "`%s`: threads wait for some that never come\n", entry.name);
    return LAUNCH_FAILED;
}

}  // namespace platform
