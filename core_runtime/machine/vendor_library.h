// SPDX-License-Identifier: Apache-2.0
// Libraries of a GPU vendor that are opened at run time and never linked, so that the program starts on any machine.
// Where they are looked for, in this order: a path in an environment variable, the loader's own places, a CUDA toolkit,
// the nvidia/ folders of an active Python environment.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shardscope {

enum class VersionCall { returns_value, fills_pointer }; // size_t f() or int f(int*)

struct VendorLibrary {
    const char* name;        // as people call it: "NCCL"
    const char* environment; // variable that names the file: "SHARDSCOPE_NCCL"
    const char* soname;      // "libnccl.so.2"
    const char* version_function;
    VersionCall version_call;
    int major_unit, minor_unit; // 22809 is 2.28.9 with 10000 and 100; 13000 is 13.0 with 1000 and 10
    const char* without_it;     // a sentence: what its absence costs
};

// The driver first; then what GPU ranks and their capture use.
const std::vector<VendorLibrary>& vendorLibraries();

class OpenLibrary {
public:
    // What was tried is in problem() when good() is false.
    static OpenLibrary open(const VendorLibrary&);
    bool good() const { return m_handle != nullptr; }
    const std::string& path() const { return m_path; }
    const std::string& problem() const { return m_problem; }
    // Null if the library has no such function.
    template <class Function> Function* function(const char* symbol) const {
        return reinterpret_cast<Function*>(address(symbol));
    }

private:
    void* address(const char* symbol) const;
    std::shared_ptr<void> m_handle; // closed with the last copy
    std::string m_path, m_problem;
};

std::string versionText(int64_t version, int major_unit, int minor_unit); // "2.28.9"; no third number that is 0
// Empty if the library does not tell.
std::string versionOf(const VendorLibrary&, const OpenLibrary&);

} // namespace shardscope
