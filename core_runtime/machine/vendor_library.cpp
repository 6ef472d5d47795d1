// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/machine/vendor_library.h"
#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <link.h>

namespace shardscope {
namespace {

namespace fs = std::filesystem;

// Folders of packages like nvidia-nccl-cu13 inside a Python environment.
void addPythonFolders(const char* variable, std::vector<fs::path>& folders) {
    const char* root = std::getenv(variable);
    if (!root || !*root) return;
    const auto first = static_cast<std::ptrdiff_t>(folders.size());
    std::error_code ignored;
    for (const auto& version : fs::directory_iterator(fs::path(root) / "lib", ignored))
        for (const auto& package : fs::directory_iterator(version.path() / "site-packages" / "nvidia", ignored))
            folders.push_back(package.path() / "lib");
    std::sort(folders.begin() + first, folders.end()); // a folder lists its entries in no order
}

std::vector<fs::path> searchFolders() {
    std::vector<fs::path> folders;
    for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
        if (const char* root = std::getenv(variable); root && *root) {
            folders.push_back(fs::path(root) / "lib64");
            folders.push_back(fs::path(root) / "extras/CUPTI/lib64");
        }
    folders.push_back("/usr/local/cuda/lib64");
    folders.push_back("/usr/local/cuda/extras/CUPTI/lib64");
    for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) addPythonFolders(variable, folders);
    return folders;
}

std::string loadedPath(void* handle) {
    link_map* map = nullptr;
    return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map ? map->l_name : "";
}

} // namespace

const std::vector<VendorLibrary>& vendorLibraries() {
    using enum VersionCall;
    static const std::vector<VendorLibrary> table = {
        {"NVIDIA driver", "SHARDSCOPE_CUDA_DRIVER", "libcuda.so.1", "cuDriverGetVersion", fills_pointer, 1000, 10,
         "No GPU can be used."},
        {"NCCL", "SHARDSCOPE_NCCL", "libnccl.so.2", "ncclGetVersion", fills_pointer, 10000, 100,
         "Ranks on several GPUs cannot exchange data."},
        {"CUPTI", "SHARDSCOPE_CUPTI", "libcupti.so.13", "cuptiGetVersion", fills_pointer, 10000, 100,
         "Kernels and copies of a GPU cannot be recorded."},
        {"cuBLASLt", "SHARDSCOPE_CUBLASLT", "libcublasLt.so.13", "cublasLtGetVersion", returns_value, 10000, 100,
         "Matrix products on a GPU use our own, slower kernels."},
    };
    return table;
}

OpenLibrary OpenLibrary::open(const VendorLibrary& library) {
    OpenLibrary opened;
    const auto tryPath = [&](const std::string& path) {
        dlerror();
        // Never unloaded: their threads and what they keep for the whole process would be left behind.
        void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (!handle) {
            const char* reason = dlerror();
            opened.m_problem = reason ? reason : "it cannot be opened";
            return false;
        }
        opened.m_handle = std::shared_ptr<void>(handle, dlclose);
        opened.m_path = loadedPath(handle);
        opened.m_problem.clear();
        return true;
    };
    // A path that was asked for is the only one: another library in its place would be a surprise.
    if (const char* given = std::getenv(library.environment); given && *given) {
        if (!tryPath(given)) opened.m_problem = std::string(library.environment) + ": " + opened.m_problem;
        return opened;
    }
    if (tryPath(library.soname)) return opened;
    std::error_code ignored;
    for (const fs::path& folder : searchFolders())
        if (const fs::path path = folder / library.soname; fs::exists(path, ignored) && tryPath(path.string()))
            return opened;
    return opened;
}

void* OpenLibrary::address(const char* symbol) const { return m_handle ? dlsym(m_handle.get(), symbol) : nullptr; }

std::string versionText(int64_t version, int major_unit, int minor_unit) {
    const int64_t patch = version % minor_unit;
    return std::to_string(version / major_unit) + "." + std::to_string(version % major_unit / minor_unit) +
           (patch ? "." + std::to_string(patch) : "");
}

std::string versionOf(const VendorLibrary& library, const OpenLibrary& opened) {
    int64_t version = 0;
    if (library.version_call == VersionCall::returns_value) {
        if (auto* get = opened.function<size_t()>(library.version_function)) version = static_cast<int64_t>(get());
    } else if (auto* get = opened.function<int(int*)>(library.version_function)) {
        int value = 0;
        if (get(&value) == 0) version = value;
    }
    return version > 0 ? versionText(version, library.major_unit, library.minor_unit) : "";
}

} // namespace shardscope
