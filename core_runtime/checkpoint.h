// SPDX-License-Identifier: Apache-2.0
// Checkpoints: FOLDER/TAG/ holds metadata.json and per rank one safetensors file with its share of the fp32 weights
// (PARAMETER/master) and of Adam's moments (PARAMETER/exp_avg, PARAMETER/exp_avg_sq); FOLDER/latest names a tag. Each
// share is a range of a parameter's elements, [out, in] order, and the file's metadata says where it begins, so that
// any world size, stage, offload and precision can read it back. Parameters in 16 bits are not stored: they are the
// master weights, rounded.
// A checkpoint is written under another name, synced and renamed, `latest` last: whatever interrupts that, FOLDER
// holds the checkpoints that it held before, or one more.
#pragma once
#include "core_runtime/engine.h"
#include "core_runtime/model_state.h"
#include "core_runtime/safetensors.h"
#include <array>
#include <string>
#include <vector>

namespace shardscope {

struct CheckpointFile {
    std::string name;
    int64_t bytes = 0;
    uint32_t checksum = 0; // CRC-32 (zlib)
};

// What metadata.json says.
struct CheckpointInfo {
    std::string path; // of the checkpoint's own folder
    std::string tag;
    ModelSpec model;
    EngineState state;
    int64_t ranks = 1, stage = 0, sequence = 0;
    std::string precision;           // "bf16"
    bool dynamic_loss_scale = false; // then the scaler's state is worth keeping
    uint64_t seed = 1;
    std::string config; // resolved, JSON
    std::vector<CheckpointFile> files;
    int64_t bytes() const; // of the files
};

// Writes FOLDER/TAG, replacing one of that name, and FOLDER/latest. Clears what interrupted writers left there. The
// engine has drained. Gives the path of the checkpoint.
Result<std::string> writeCheckpoint(Executor&, const Plan&, const EngineState&, uint64_t seed,
                                    const std::string& folder, const std::string& tag);
std::string checkpointTag(int64_t global_steps); // "global_step20"
// Removes all but the `keep` checkpoints with such tags that were written last.
Result<void> removeOldCheckpoints(const std::string& folder, int64_t keep);

// The metadata alone, and that the files are there in their sizes. An empty tag stands for FOLDER/latest.
Result<CheckpointInfo> readCheckpointInfo(const std::string& folder, const std::string& tag = "");

class CheckpointReader {
public:
    // Reads every file once to compare its checksum. The error names the file and the remedy.
    static Result<CheckpointReader> open(const std::string& folder, const std::string& tag = "");
    const CheckpointInfo& info() const { return m_info; }
    // By parametersOf(info().model), whatever tiles the writer or the reader has.
    Result<void> read(StateKind, int32_t parameter, int64_t first, std::span<float> out) const;

private:
    struct Stretch {
        int64_t first = 0, elements = 0;
        size_t file = 0;
        const TensorInfo* tensor = nullptr;
    };
    CheckpointReader() = default;
    Result<void> index(size_t file);
    Result<void> readTile(StateKind, int32_t tile, int64_t first, std::span<float> out) const;
    std::string pathOf(size_t file) const { return m_info.path + "/" + m_info.files[file].name; }
    CheckpointInfo m_info;
    std::vector<SafetensorsReader> m_files;
    std::vector<ParameterInfo> m_tiles;                           // what the files name: tiles, or whole parameters
    std::vector<std::vector<int32_t>> m_tiles_of;                 // by parameter of the model, indices of m_tiles
    std::vector<std::array<std::vector<Stretch>, 3>> m_stretches; // by tile and state, in order
};

} // namespace shardscope
