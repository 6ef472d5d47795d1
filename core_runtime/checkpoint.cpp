// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/checkpoint.h"
#include "core_runtime/checkpoint_metadata.h"
#include "core_runtime/loss_scaler.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <unistd.h>

namespace shardscope {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view tag_prefix = "global_step";
constexpr std::string_view unfinished_mark = ".unfinished-"; // TAG.unfinished-PID: a folder that is no checkpoint (yet)

std::string stateName(StateKind kind) {
    return kind == StateKind::master ? "master" : kind == StateKind::exp_avg ? "exp_avg" : "exp_avg_sq";
}

// The N of "global_stepN".
std::optional<int64_t> stepOf(std::string_view tag) {
    int64_t step = 0;
    if (!tag.starts_with(tag_prefix)) return std::nullopt;
    tag.remove_prefix(tag_prefix.size());
    const auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), step);
    if (error != std::errc() || end != tag.data() + tag.size() || step < 0) return std::nullopt;
    return step;
}

// An open folder with a lock on it, which the system takes back from whoever dies.
class LockedFolder {
public:
    explicit LockedFolder(const std::string& path)
        : m_folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        m_locked = m_folder >= 0 && flock(m_folder, LOCK_EX | LOCK_NB) == 0;
    }
    LockedFolder(const LockedFolder&) = delete;
    ~LockedFolder() {
        if (m_folder >= 0) ::close(m_folder);
    }
    bool locked() const { return m_locked; }

private:
    int m_folder;
    bool m_locked;
};

// Folders that a writer or a removal left behind; those of living writers are locked.
void removeUnfinished(const std::string& folder) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().filename().string().find(unfinished_mark) != std::string::npos) found.push_back(entry.path());
    for (const fs::path& path : found)
        if (const LockedFolder lock(path.string()); lock.locked()) fs::remove_all(path, ignored);
}

Result<CheckpointFile> writeShare(Executor& executor, const Plan& plan, int64_t rank, const std::string& folder) {
    CheckpointFile written{.name = "zero_rank_" + std::to_string(rank) + "_states.safetensors"};
    Result<SafetensorsWriter> file = SafetensorsWriter::create(folder + "/" + written.name, "the checkpoint");
    if (!file) return file.error();
    std::vector<SafetensorsWriter::Tensor> tensors;
    SafetensorsMetadata firsts;
    for (const StateStretch& stretch : shareOf(plan, rank)) {
        const std::string& name = at(plan.parameters, stretch.parameter).name;
        tensors.push_back({name + "/" + stateName(stretch.kind), {stretch.elements}});
        firsts[name] = std::to_string(stretch.first);
    }
    file->begin(tensors, DType::f32, firsts);
    visitShare(executor, plan, rank, [&](const StateStretch&, std::span<const float> values) { file->write(values); });
    written.bytes = file->bytes();
    written.checksum = file->checksum();
    if (const auto done = file->publish(); !done) return done.error();
    return written;
}

Error failure(const std::string& what, const std::string& path) {
    return Error{"the checkpoint could not be written: " + what + " " + path + ": " + std::strerror(errno) +
                 "; choose a writable folder"};
}

// Gives the finished folder its name, also where an older checkpoint has it; that one is then under `unfinished`.
bool publishFolder(const std::string& unfinished, const std::string& path) {
    if (std::rename(unfinished.c_str(), path.c_str()) == 0) return true;
    return (errno == EEXIST || errno == ENOTEMPTY) &&
           renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0;
}

} // namespace

std::string checkpointTag(int64_t global_steps) { return std::string(tag_prefix) + std::to_string(global_steps); }

Result<std::string> writeCheckpoint(Executor& executor, const Plan& plan, const EngineState& state, uint64_t seed,
                                    const std::string& folder, const std::string& tag) {
    if (tag.empty() || tag[0] == '.' || tag == "latest" || tag.find('/') != std::string::npos ||
        tag.find(unfinished_mark) != std::string::npos)
        return Error{"'" + tag + "' cannot be the tag of a checkpoint; use a plain name such as " +
                     checkpointTag(state.global_steps)};
    std::error_code problem;
    if (fs::create_directories(folder, problem); problem)
        return Error{"cannot make the checkpoint folder " + folder + ": " + problem.message() +
                     "; choose a writable folder"};
    removeUnfinished(folder);

    const std::string path = folder + "/" + tag,
                      unfinished = path + std::string(unfinished_mark) + std::to_string(getpid());
    if (!fs::create_directory(unfinished, problem)) {
        errno = problem ? problem.value() : EEXIST;
        return failure("making", unfinished);
    }
    const LockedFolder lock(unfinished);
    const auto write = [&]() -> Result<void> {
        CheckpointInfo info{.path = path,
                            .tag = tag,
                            .model = plan.model,
                            .state = state,
                            .ranks = plan.ranks,
                            .stage = plan.config.zero.stage,
                            .sequence = plan.sequence,
                            .precision = std::string(toText(plan.config.precision())),
                            .dynamic_loss_scale = LossScaler(plan.config.fp16).dynamic(),
                            .seed = seed,
                            .config = resolvedJson(plan.config)};
        for (int64_t rank = 0; rank < plan.ranks; ++rank) {
            Result<CheckpointFile> file = writeShare(executor, plan, rank, unfinished);
            if (!file) return file.error();
            info.files.push_back(*std::move(file));
        }
        return writeDurably(unfinished + "/" + checkpoint_metadata_file, "the checkpoint", checkpointMetadata(info));
    };
    Result<void> written = write();
    if (written && !publishFolder(unfinished, path)) written = failure("renaming to", path);
    if (written && !syncFolder(folder)) written = failure("syncing", folder);
    if (written) written = writeDurably(folder + "/latest", "the checkpoint", tag + "\n");
    fs::remove_all(unfinished, problem); // what failed, or what was replaced
    if (!written) return written.error();
    return path;
}

Result<void> removeOldCheckpoints(const std::string& folder, int64_t keep) {
    std::error_code problem;
    std::vector<std::pair<fs::file_time_type, int64_t>> found; // a run that went back writes smaller steps later
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem))
        if (const auto step = stepOf(entry.path().filename().string()))
            if (const auto written = fs::last_write_time(entry.path() / checkpoint_metadata_file, problem); !problem)
                found.emplace_back(written, *step);
    std::sort(found.rbegin(), found.rend());
    for (size_t i = static_cast<size_t>(keep); i < found.size(); ++i) {
        // Half a checkpoint must not stand under the name of a whole one.
        const std::string path = folder + "/" + checkpointTag(found[i].second);
        const std::string leaving = path + std::string(unfinished_mark) + std::to_string(getpid());
        fs::rename(path, leaving, problem);
        if (!problem) fs::remove_all(leaving, problem);
        if (problem) return Error{"the old checkpoint " + path + " cannot be removed: " + problem.message()};
    }
    return {};
}

} // namespace shardscope
