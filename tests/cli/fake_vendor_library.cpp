// SPDX-License-Identifier: Apache-2.0
// Stands in for the vendor's libraries on machines without a GPU: two devices, and versions as those libraries tell
// them. SHARDSCOPE_TEST_CUDA makes the driver fail as real ones do.
#include <cstdlib>
#include <cstring>

extern "C" {

static bool is(const char* state) {
    const char* given = std::getenv("SHARDSCOPE_TEST_CUDA");
    return given && std::strcmp(given, state) == 0;
}

int cuInit(unsigned) { return is("no device") ? 100 : 0; }
int cuDriverGetVersion(int* version) { return *version = 13000, 0; }
int cuDeviceGetCount(int* count) { return *count = is("hidden") ? 0 : 2, 0; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, 0; }
int cuDeviceGetName(char* name, int bytes, int device) {
    std::strncpy(name, device == 0 ? "Fabricated H200" : "Fabricated L4", static_cast<size_t>(bytes));
    return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) { return *bytes = size_t{24 + 72u * (device == 0)} << 30, 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    switch (attribute) {
    case 16:
        return *value = device == 0 ? 132 : 58, 0;
    case 75:
        return *value = device == 0 ? 9 : 8, 0;
    case 76:
        return *value = device == 0 ? 0 : 9, 0;
    default:
        return 1;
    }
}
int cuGetErrorString(int status, const char** text) {
    *text = "no CUDA-capable device is detected";
    return status == 100 ? 0 : 1;
}
int cuDeviceGetPCIBusId(char* address, int bytes, int device) {
    std::strncpy(address, device == 0 ? "0000:01:00.0" : "0000:02:00.0", static_cast<size_t>(bytes));
    return 0;
}
int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
int nvmlSystemGetDriverVersion(char* text, unsigned bytes) { return std::strncpy(text, "580.82.07", bytes), 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char* address, void** device) {
    return *device = const_cast<char*>(std::strcmp(address, "0000:01:00.0") == 0 ? "first" : "second"), 0;
}
// The second one's driver device is a slice of it.
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* total_free_used) {
    const bool first = std::strcmp(static_cast<const char*>(device), "first") == 0;
    total_free_used[0] = (first ? 97ULL : 48ULL) << 30;
    total_free_used[1] = 90ULL << 30;
    total_free_used[2] = total_free_used[0] - total_free_used[1];
    return 0;
}
int ncclGetVersion(int* version) { return *version = 22809, 0; }
size_t cublasLtGetVersion() { return 130100; }
}
