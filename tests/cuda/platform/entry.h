// A kernel as its library tells it to the driver.

#pragma once

namespace platform {

struct Entry {
    const char* name;
    unsigned count;
    const unsigned* sizes;
    void (*call)(void** arguments);
};

}  // namespace platform
