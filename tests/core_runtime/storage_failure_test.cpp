// SPDX-License-Identifier: Apache-2.0
// What happens to a run when its swap files fail: a sentence with rank, folder and reason, and a trace that opens.
#include "core_runtime/storage/swap_file.h"
#include "core_runtime/training.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sys/resource.h>
#include <unistd.h>

using namespace shardscope;

namespace {

// The nameless files that this process has open in a folder.
std::vector<int> swapFilesIn(const std::filesystem::path& folder) {
    std::vector<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone; // the descriptor of this very iteration
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (!gone && target.starts_with(folder.string() + "/")) found.push_back(std::stoi(entry.path().filename()));
    }
    return found;
}

class WithoutIoUring {
public:
    explicit WithoutIoUring(bool wanted) {
        if (wanted) setenv("SHARDSCOPE_NO_IO_URING", "1", 1);
    }
    ~WithoutIoUring() { unsetenv("SHARDSCOPE_NO_IO_URING"); }
};

// Files of this process end at so many bytes, as on a disk that is full there.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) {
        m_handler = std::signal(SIGXFSZ, SIG_IGN); // else the signal ends the program before the call can fail
        getrlimit(RLIMIT_FSIZE, &m_before);
        const rlimit limit{bytes, m_before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &m_before);
        std::signal(SIGXFSZ, m_handler);
    }

private:
    rlimit m_before{};
    void (*m_handler)(int) = nullptr;
};

TrainingRequest onNvme(const std::filesystem::path& folder, int64_t steps) {
    TrainingRequest request = test::requestOf({.stage = 3}, 2, steps);
    request.config.zero.offload_optimizer.device = OffloadDevice::nvme;
    request.config.zero.offload_param.device = OffloadDevice::nvme;
    request.config.zero.offload_param.max_in_cpu = 0;
    request.config.zero.offload_optimizer.nvme_path = request.config.zero.offload_param.nvme_path = folder.string();
    return request;
}

} // namespace

TEST_CASE("a swap file gives back what it was given, by io_uring and by threads") {
    const TemporaryFolder folder;
    for (const bool threads : {false, true}) {
        const WithoutIoUring without(threads);
        constexpr int64_t bytes = 5 * SwapFile::block_bytes + 777; // several requests and a last one that is no page
        const auto file = SwapFile::create(folder.path().string(), 2 * bytes + SwapFile::page, 0);
        REQUIRE(file);
        if (threads) CHECK_FALSE((*file)->method().io_uring);
        std::vector<std::byte> memory(static_cast<size_t>(2 * (bytes + 2 * SwapFile::page)));
        auto* start = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + SwapFile::page - 1) /
                                                   SwapFile::page * SwapFile::page);
        auto* back = start + (bytes / SwapFile::page + 1) * SwapFile::page;
        for (int64_t i = 0; i < bytes; ++i) start[i] = static_cast<std::byte>((i * 131) >> 3);
        constexpr int64_t offset = (bytes / SwapFile::page + 1) * SwapFile::page;
        (*file)->write(start, offset, bytes);
        (*file)->read(back, offset, bytes);
        CHECK(std::equal(start, start + bytes, back));
        CHECK(std::filesystem::is_empty(folder.path())); // it has no name
    }
}

TEST_CASE("a swap file that became too short ends the run with rank, folder and reason, and the trace opens") {
    for (const bool threads : {false, true}) {
        const WithoutIoUring without(threads);
        const TemporaryFolder folder;
        std::filesystem::create_directory(folder.path() / "swap");
        const std::string path = (folder.path() / "run.shardscope").string();
        TrainingRequest request = onNvme(folder.path() / "swap", 5);
        request.on_step = [&](const StepReport& report) {
            if (report.step != 1) return;
            const std::vector<int> files = swapFilesIn(folder.path() / "swap");
            CHECK(files.size() == 2);
            for (const int file : files) CHECK(ftruncate(file, 0) == 0);
        };
        const auto writer = TraceWriter::create(path);
        REQUIRE(writer);
        const auto outcome = train(request, writer->get(), [&] { (void)(*writer)->commit(); });
        REQUIRE_FALSE(outcome);
        INFO(outcome.error().message);
        CHECK_THAT(outcome.error().message, Contains("of the swap file of rank "));
        CHECK_THAT(outcome.error().message, Contains((folder.path() / "swap").string()));
        CHECK_THAT(outcome.error().message, Contains("the file is shorter than it was made"));
        REQUIRE((*writer)->finish("failed"));
        const auto trace = TraceReader::open(path);
        REQUIRE(trace);
        CHECK((*trace)->steps().size() == 2);
    }
}

TEST_CASE("a disk that is full is said before the run, one that becomes full ends it with the reason") {
    for (const bool threads : {false, true}) {
        const WithoutIoUring without(threads);
        const TemporaryFolder folder;
        {
            const FileSizeLimit full(SwapFile::page);
            const auto outcome = train(onNvme(folder.path(), 1), nullptr, [] {});
            REQUIRE_FALSE(outcome);
            INFO(outcome.error().message);
            CHECK_THAT(outcome.error().message, Contains("has no room for the swap file"));
            CHECK_THAT(outcome.error().message, Contains("rank 0"));
        }
        std::optional<FileSizeLimit> full;
        TrainingRequest request = onNvme(folder.path(), 5);
        request.on_step = [&](const StepReport& report) {
            if (report.step == 1) full.emplace(SwapFile::page);
        };
        const auto outcome = train(request, nullptr, [] {});
        REQUIRE_FALSE(outcome);
        INFO(outcome.error().message);
        CHECK_THAT(outcome.error().message, Contains("writing "));
        CHECK_THAT(outcome.error().message, Contains("of the swap file of rank "));
        CHECK_THAT(outcome.error().message, Contains("File too large"));
    }
}

TEST_CASE("a folder that vanishes during the run takes nothing with it") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder.path() / "swap");
    TrainingRequest request = onNvme(folder.path() / "swap", 3);
    request.on_step = [&](const StepReport& report) {
        if (report.step == 0) CHECK(std::filesystem::remove(folder.path() / "swap")); // empty: the files have no names
    };
    const auto outcome = train(request, nullptr, [] {});
    REQUIRE(outcome);
    const auto undisturbed = train(test::requestOf({.stage = 3}, 2, 3), nullptr, [] {});
    REQUIRE(undisturbed);
    CHECK(outcome->losses == undisturbed->losses);
}
