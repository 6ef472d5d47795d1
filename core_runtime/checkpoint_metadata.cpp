// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/checkpoint_metadata.h"
#include "core_runtime/config_json.h"
#include "core_runtime/model_file.h"
#include <algorithm>
#include <filesystem>
#include <zlib.h>

namespace shardscope {
namespace {

constexpr const char* format_name = "shardscope checkpoint";

uint32_t checksumOf(const Json& object) {
    const std::string text = object.dump(-1, ' ', true, Json::error_handler_t::replace);
    return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

// Every number of the state under its name, for writing and for reading.
template <class State, class Visit> void forEachCount(State& state, Visit visit) {
    visit("global_steps", state.global_steps);
    visit("updates", state.updates);
    visit("skipped_steps", state.skipped_steps);
    visit("scaler_updates", state.scaler_updates);
    visit("scaler_last_overflow", state.scaler_last_overflow);
    visit("scaler_hysteresis", state.scaler_hysteresis);
}

// The fields of the metadata; the first that is missing or of another kind is remembered.
struct Fields {
    const Json& object;
    std::string& wrong;
    const Json* find(const char* key, bool (Json::*is)() const noexcept) {
        const auto at = object.find(key);
        if (at != object.end() && ((*at).*is)()) return &*at;
        if (wrong.empty()) wrong = key;
        return nullptr;
    }
    void integer(const char* key, int64_t& to, int64_t least) {
        const Json* value = find(key, &Json::is_number_integer);
        if (value && !(value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX) &&
            value->get<int64_t>() >= least)
            to = value->get<int64_t>();
        else if (wrong.empty())
            wrong = key;
    }
    void text(const char* key, std::string& to) {
        if (const Json* value = find(key, &Json::is_string)) to = value->get<std::string>();
    }
};

} // namespace

int64_t CheckpointInfo::bytes() const {
    int64_t sum = 0;
    for (const CheckpointFile& file : files) sum += file.bytes;
    return sum;
}

std::string checkpointMetadata(const CheckpointInfo& info) {
    Json state = Json::object();
    forEachCount(info.state, [&](const char* key, int64_t value) { state[key] = value; });
    state["loss_scale"] = info.state.loss_scale;
    Json files = Json::array();
    for (const CheckpointFile& file : info.files)
        files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"crc32", file.checksum}});
    Json object = {{"format", format_name},
                   {"format_version", checkpoint_format_version},
                   {"tag", info.tag},
                   {"model", modelJson(info.model)},
                   {"state", std::move(state)},
                   {"world_size", info.ranks},
                   {"stage", info.stage},
                   {"sequence", info.sequence},
                   {"precision", info.precision},
                   {"dynamic_loss_scale", info.dynamic_loss_scale},
                   {"seed", info.seed},
                   {"config", Json::parse(info.config)},
                   {"files", std::move(files)}};
    object["checksum"] = checksumOf(object);
    return object.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

Result<CheckpointInfo> parseCheckpointMetadata(const std::string& path) {
    const std::string file = path + "/" + checkpoint_metadata_file;
    const Result<std::string> text = readSmallFile(file, "checkpoint's metadata");
    if (!text) return text.error();
    Result<Json> object = parseJsonObject(*text, file);
    if (!object) return object.error();
    const Error damaged{file + " is not what was written; the checkpoint is damaged, take another tag"};
    std::string wrong, format;
    Fields fields{*object, wrong};
    int64_t version = 0, checksum = 0;
    fields.text("format", format);
    if (format != format_name) return Error{file + " is not the metadata of a checkpoint of this program"};
    fields.integer("format_version", version, 1);
    if (version > checkpoint_format_version)
        return Error{file + " has format version " + std::to_string(version) +
                     ", which a newer program wrote; this one "
                     "reads up to version " +
                     std::to_string(checkpoint_format_version)};
    fields.integer("checksum", checksum, 0);
    object->erase("checksum");
    if (!wrong.empty() || checksum != checksumOf(*object)) return damaged;

    // From here on a fault is ours or that of somebody who made the checksum fit.
    CheckpointInfo info{.path = path};
    fields.text("tag", info.tag);
    fields.integer("world_size", info.ranks, 1);
    fields.integer("stage", info.stage, 0);
    fields.integer("sequence", info.sequence, 1);
    fields.text("precision", info.precision);
    if (const Json* value = fields.find("dynamic_loss_scale", &Json::is_boolean)) info.dynamic_loss_scale = *value;
    if (const Json* value = fields.find("seed", &Json::is_number_unsigned)) info.seed = value->get<uint64_t>();
    if (const Json* value = fields.find("config", &Json::is_object)) info.config = value->dump(2, ' ', true);
    if (const Json* state = fields.find("state", &Json::is_object)) {
        Fields counts{*state, wrong};
        forEachCount(info.state, [&](const char* key, int64_t& value) { counts.integer(key, value, -1); });
        if (const Json* scale = counts.find("loss_scale", &Json::is_number)) info.state.loss_scale = *scale;
    }
    if (const Json* files = fields.find("files", &Json::is_array))
        for (const Json& entry : *files) {
            CheckpointFile one;
            int64_t crc = 0;
            Fields of{entry, wrong};
            of.text("name", one.name);
            of.integer("bytes", one.bytes, 0);
            of.integer("crc32", crc, 0);
            one.checksum = static_cast<uint32_t>(crc);
            if (one.name.empty() || one.name[0] == '.' || one.name.find('/') != std::string::npos) wrong = "files";
            info.files.push_back(std::move(one));
        }
    if (info.files.empty() || info.state.global_steps < 0 || info.state.updates < 0) wrong = "files or state";
    if (!wrong.empty())
        return Error{file + " has no usable " + wrong + "; the checkpoint is damaged, take another tag"};
    const Json* model = fields.find("model", &Json::is_object);
    if (!model) return damaged;
    Result<ModelSpec> spec = modelFromJson(*model, file + ", model");
    if (!spec) return spec.error();
    info.model = *std::move(spec);
    return info;
}

} // namespace shardscope
