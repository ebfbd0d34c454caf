// NVRTC, as far as it is called: a source becomes a library of this machine, by a C++ compiler. The
// library's bytes are the machine code that is given out.

#include "platform.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atomic>
#include <string>
#include <vector>

// Of arrays at the end of a structure too.
#ifdef __clang__
#define BOUNDS "array-bounds"
#else
#define BOUNDS "bounds-strict"
#endif

namespace {

enum Result { NVRTC_SUCCESS = 0, INVALID_INPUT = 3, INVALID_OPTION = 5, COMPILATION = 6 };

struct Program {
    std::string text, name, log, code;
};

// The folder of the platform: it has `kernel.h`, and what is linked against.
std::string folder() {
    Dl_info info;
    dladdr((void*)&folder, &info);
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/'));
}

std::string slurp(const std::string& path) {
    std::string all;
    if (FILE* file = fopen(path.c_str(), "rb")) {
        char buffer[1 << 14];
        while (size_t n = fread(buffer, 1, sizeof buffer, file)) all.append(buffer, n);
        fclose(file);
    }
    return all;
}

// The names of the kernels of a source, in order.
std::vector<std::string> entries(const std::string& text) {
    const std::string mark = "__global__ void", bounds = "__launch_bounds__(", blank = " \n\t";
    std::vector<std::string> names;
    for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
        at = text.find_first_not_of(blank, at + mark.size());
        if (!text.compare(at, bounds.size(), bounds)) at = text.find_first_not_of(blank, text.find(')', at) + 1);
        names.push_back(text.substr(at, text.find('(', at) - at));
    }
    return names;
}

// What a library says of itself.
std::string table(const std::string& text) {
    // A library has no other variables that begin as nothing, but for whether it was unloaded.
    std::string table = "\nextern char __bss_start[] __attribute__((visibility(\"hidden\")));"
                        "\nextern char _end[] __attribute__((visibility(\"hidden\")));"
                        "\n#define SHOWN extern \"C\" __attribute__((visibility(\"default\")))"
                        "\nSHOWN char* platform_shared[] = {__bss_start, _end};"
                        "\nSHOWN platform::Entry platform_entries[] = {";
    for (auto& name : entries(text)) table += "platform::Kernel<" + name + ">::entry(\"" + name + "\"),\n";
    return table + "{}};\n";
}

int shell(const std::string& command, std::string& said) {
    FILE* out = popen((command + " 2>&1").c_str(), "r");
    if (!out) return -1;
    char buffer[1 << 12];
    while (size_t n = fread(buffer, 1, sizeof buffer, out)) said.append(buffer, n);
    return pclose(out);
}

std::string quoted(const std::string& word) { return "'" + word + "'"; }

}  // namespace

CALL Result nvrtcVersion(int* major, int* minor) {
    *major = 0;
    // What was compiled by another version of all this is another's.
    *minor = VERSION;
    return NVRTC_SUCCESS;
}

CALL Result nvrtcCreateProgram(Program** program, const char* text, const char* name, int headers,
                               const char* const*, const char* const*) {
    if (headers) return INVALID_INPUT;
    *program = new Program{text, name, "", ""};
    return NVRTC_SUCCESS;
}

CALL Result nvrtcDestroyProgram(Program** program) {
    delete *program;
    *program = nullptr;
    return NVRTC_SUCCESS;
}

CALL Result nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    static std::atomic<unsigned> serial;
    std::string base = folder() + "/" + std::to_string(getpid()) + "-" + std::to_string(serial++);
    std::string source = base + ".cpp", object = base + ".o", library = base + ".so";
    std::string cxx = CXX, constants;
    for (int i = 0; i < count; i++) {
        std::string option = options[i];
        if (option.rfind("-D", 0) == 0) {
            // For the source alone: our own is not specialized.
            size_t equals = option.find('=');
            if (equals == std::string::npos) return INVALID_OPTION;
            constants += "#define " + option.substr(2, equals - 2) + " " + option.substr(equals + 1) + "\n";
        } else if (option.rfind("--gpu-architecture=sm_", 0) && option.rfind("--std=", 0)) {
            return INVALID_OPTION;
        }
    }
    FILE* file = fopen(source.c_str(), "w");
    if (!file) return INVALID_INPUT;
    std::string whole = "#include \"kernel.h\"\n" + constants + "#line 1 \"" + program->name + "\"\n" + program->text;
    whole += table(program->text);
    fwrite(whole.data(), 1, whole.size(), file);
    fclose(file);
    // Hidden, so that libraries do not share what has the same name in both.
    std::string how = " -std=c++17 -O1 -g1 -w -fPIC -fvisibility=hidden -ffp-contract=off"
                      " -fsanitize=thread,alignment,shift,integer-divide-by-zero," BOUNDS " -c -I ";
    std::string compile = cxx + how + quoted(folder()) + " -o " + quoted(object) + " " + quoted(source);
    std::string link = cxx + " -shared -o " + quoted(library) + " " + quoted(object) + " -L " +
                       quoted(folder()) + " -lcuda";
    int code = shell(compile, program->log);
    if (!code) code = shell(link, program->log);
    program->code = slurp(library);
    if (!getenv("PLATFORM_KEEP"))
        for (auto& path : {source, object, library}) unlink(path.c_str());
    return code || program->code.empty() ? COMPILATION : NVRTC_SUCCESS;
}

CALL Result nvrtcGetProgramLogSize(Program* program, size_t* size) {
    *size = program->log.size() + 1;
    return NVRTC_SUCCESS;
}

CALL Result nvrtcGetProgramLog(Program* program, char* log) {
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return NVRTC_SUCCESS;
}

CALL Result nvrtcGetCUBINSize(Program* program, size_t* size) {
    *size = program->code.size();
    return NVRTC_SUCCESS;
}

CALL Result nvrtcGetCUBIN(Program* program, char* code) {
    memcpy(code, program->code.data(), program->code.size());
    return NVRTC_SUCCESS;
}
