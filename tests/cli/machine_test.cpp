// SPDX-License-Identifier: Apache-2.0
// `doctor` without a trace: the machine it finds, with fabricated vendor libraries where this one has none.
#include "program.h"
#include "support/contains.h"
#include <cstdlib>
#include <nlohmann/json.hpp>

using namespace shardscope::test;
using nlohmann::json;

namespace {

constexpr const char* variables[] = {"SHARDSCOPE_CUDA_DRIVER", "SHARDSCOPE_NCCL", "SHARDSCOPE_CUPTI",
                                     "SHARDSCOPE_CUBLASLT", "SHARDSCOPE_NVML"};

// All libraries are looked for at one path, for as long as this lives.
struct LibrariesAt {
    explicit LibrariesAt(const std::string& path, const char* driver_state = "") {
        for (const char* variable : variables) setenv(variable, path.c_str(), 1);
        setenv("SHARDSCOPE_TEST_CUDA", driver_state, 1);
    }
    ~LibrariesAt() {
        for (const char* variable : variables) unsetenv(variable);
        unsetenv("SHARDSCOPE_TEST_CUDA");
    }
};

json machine() {
    const ProcessResult result = shardscopeProgram({"doctor", "--format", "json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return json::parse(result.out);
}

json library(const json& machine, const std::string& name) {
    for (const json& row : machine["libraries"])
        if (row["library"] == name) return row;
    return {};
}

} // namespace

TEST_CASE("doctor lists GPUs and libraries") {
    const LibrariesAt fabricated(SHARDSCOPE_FAKE_VENDOR_LIBRARY);
    const json found = machine();
    REQUIRE(found["gpus"].size() == 2);
    CHECK(found["gpus"][0]["name"] == "Fabricated H200");
    CHECK(found["gpus"][0]["memory_bytes"] == int64_t{96} << 30);
    CHECK(found["gpus"][0]["free_bytes"] == int64_t{90} << 30);
    CHECK(found["gpus"][1]["free_bytes"].is_null()); // a slice: what is free of the whole device says nothing
    CHECK(found["gpus"][1]["compute_capability"] == "8.9");
    CHECK(found["gpus"][1]["multiprocessors"] == 58);
    CHECK(library(found, "NVIDIA driver")["version"] == "13.0");
    CHECK(library(found, "NCCL")["version"] == "2.28.9");
    CHECK(library(found, "cuBLASLt")["version"] == "13.1");
    CHECK(library(found, "CUPTI")["version"] == ""); // a library that does not tell
    CHECK(library(found, "CUPTI")["path"] == SHARDSCOPE_FAKE_VENDOR_LIBRARY);
}

TEST_CASE("doctor says why there is no GPU") {
    {
        const LibrariesAt failing(SHARDSCOPE_FAKE_VENDOR_LIBRARY, "no device");
        CHECK_THAT(machine()["notes"].dump(), Contains("no CUDA-capable device is detected"));
    }
    {
        const LibrariesAt hidden(SHARDSCOPE_FAKE_VENDOR_LIBRARY, "hidden");
        CHECK_THAT(machine()["notes"].dump(), Contains("CUDA_VISIBLE_DEVICES"));
    }
    const TestFolder folder;
    const LibrariesAt absent(folder.path("libabsent.so"));
    const json found = machine();
    CHECK(found["gpus"].empty());
    REQUIRE(found["backend"].size() == 1);
    CHECK(found["backend"][0]["auto"] == "cpu");
    CHECK_THAT(found["backend"][0]["reason"].get<std::string>(), Contains("NVIDIA driver was not found"));
    CHECK_THAT(found["notes"].dump(), Contains("NVIDIA driver was not found") && Contains("libabsent.so"));
    CHECK(library(found, "NCCL")["version"] == "not found");
    CHECK_THAT(library(found, "NCCL")["without_it"].get<std::string>(), Contains("several GPUs"));
    CHECK(shardscopeProgram({"doctor"}).exit_code == 0);
}

TEST_CASE("doctor tells people what to do, with nothing shortened and columns below each other") {
    const TestFolder folder;
    const LibrariesAt absent(folder.path("libabsent.so"));
    const std::string none = shardscopeProgram({"doctor"}).out;
    CHECK_THAT(none, Contains("none that can be used") &&
                         Contains("To use a GPU\n  1. The NVIDIA driver was not found") &&
                         Contains(folder.path("libabsent.so")) && Contains("--gpus all"));
    CHECK_THAT(none, !Contains("..."));
    const LibrariesAt fabricated(SHARDSCOPE_FAKE_VENDOR_LIBRARY);
    const std::string two = shardscopeProgram({"doctor"}).out;
    CHECK_THAT(two, Contains("  0    Fabricated H200  9.0                  132  96.00 GiB  90.00 GiB\n") &&
                        Contains("  1    Fabricated L4    8.9                   58  24.00 GiB  not known\n"));
    CHECK_THAT(two, Contains(std::string(SHARDSCOPE_FAKE_VENDOR_LIBRARY)) && !Contains("..."));
    CHECK_THAT(two, Contains("  1. This program was built without CUDA: build it with cmake --preset cuda"));
    CHECK_THAT(two, Contains("The CUPTI library has no function")); // the second question, once there are GPUs
}
