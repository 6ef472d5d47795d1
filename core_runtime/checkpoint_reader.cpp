// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/checkpoint.h"
#include "core_runtime/checkpoint_metadata.h"
#include "core_runtime/config_json.h"
#include "core_runtime/tiling.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <zlib.h>

namespace shardscope {
namespace fs = std::filesystem;
namespace {

std::string tagsIn(const std::string& folder) {
    std::error_code ignored;
    std::vector<std::string> tags;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
        if (fs::exists(entry.path() / checkpoint_metadata_file, ignored) &&
            entry.path().filename().string().find(".unfinished-") == std::string::npos)
            tags.push_back(entry.path().filename().string());
    std::sort(tags.begin(), tags.end());
    std::string list;
    for (const std::string& tag : tags) list += (list.empty() ? "" : ", ") + tag;
    return list.empty() ? "it holds no checkpoint" : "it holds " + list;
}

Result<uint32_t> checksumOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> piece(1 << 20);
    uLong crc = 0;
    while (file) {
        file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        crc = crc32_z(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<size_t>(file.gcount()));
    }
    if (!file.eof()) return Error{"reading " + path + " failed; check the disk"};
    return static_cast<uint32_t>(crc);
}

Error damaged(const std::string& path, const std::string& what) {
    return Error{path + " " + what + "; the checkpoint is damaged, take another tag"};
}

} // namespace

Result<CheckpointInfo> readCheckpointInfo(const std::string& folder, const std::string& tag) {
    std::error_code problem;
    std::string name = tag;
    if (name.empty()) {
        std::ifstream latest(folder + "/latest");
        if (!std::getline(latest, name) || name.empty())
            return Error{folder +
                         " has no file 'latest' that names a checkpoint; name a folder that "
                         "--save-checkpoint has written (" +
                         tagsIn(folder) + ")"};
    }
    const std::string path = folder + "/" + name;
    if (name[0] == '.' || name.find('/') != std::string::npos || !fs::is_directory(path, problem))
        return Error{"there is no checkpoint " + shortText(name) + " in " + folder + "; " + tagsIn(folder)};
    Result<CheckpointInfo> info = parseCheckpointMetadata(path);
    if (!info) return info.error();
    for (const CheckpointFile& file : info->files) {
        const std::string full = path + "/" + file.name;
        const uintmax_t bytes = fs::is_regular_file(full, problem) ? fs::file_size(full, problem) : 0;
        if (problem || !fs::exists(full, problem)) return damaged(full, "is missing");
        if (bytes != static_cast<uintmax_t>(file.bytes))
            return damaged(full, "has " + std::to_string(bytes) + " bytes where " + std::to_string(file.bytes) +
                                     " were written");
    }
    return info;
}

Result<CheckpointReader> CheckpointReader::open(const std::string& folder, const std::string& tag) {
    Result<CheckpointInfo> info = readCheckpointInfo(folder, tag);
    if (!info) return info.error();
    CheckpointReader reader;
    reader.m_info = *std::move(info);
    reader.m_tiles = tiledParametersOf(reader.m_info.model);
    reader.m_tiles_of.resize(parametersOf(reader.m_info.model).size());
    for (size_t t = 0; t < reader.m_tiles.size(); ++t)
        at(reader.m_tiles_of, reader.m_tiles[t].whole).push_back(static_cast<int32_t>(t));
    const std::vector<ParameterInfo>& parameters = reader.m_tiles;
    reader.m_stretches.resize(parameters.size());
    for (size_t f = 0; f < reader.m_info.files.size(); ++f) {
        const Result<uint32_t> checksum = checksumOf(reader.pathOf(f));
        if (!checksum) return checksum.error();
        if (*checksum != reader.m_info.files[f].checksum)
            return damaged(reader.pathOf(f), "does not have the checksum that it was written with");
        Result<SafetensorsReader> file = SafetensorsReader::open(reader.pathOf(f));
        if (!file) return file.error();
        reader.m_files.push_back(*std::move(file));
        if (const auto indexed = reader.index(f); !indexed) return indexed.error();
    }
    for (size_t p = 0; p < parameters.size(); ++p)
        for (std::vector<Stretch>& stretches : reader.m_stretches[p]) {
            std::sort(stretches.begin(), stretches.end(),
                      [](const Stretch& a, const Stretch& b) { return a.first < b.first; });
            int64_t end = 0;
            bool whole = true;
            for (const Stretch& stretch : stretches) {
                whole = whole && stretch.first == end;
                end = stretch.first + stretch.elements;
            }
            if (!whole || end != parameters[p].elements)
                return damaged(reader.m_info.path, "does not hold " + parameters[p].name + " exactly once");
        }
    return reader;
}

Result<void> CheckpointReader::index(size_t file) {
    const std::vector<ParameterInfo>& parameters = m_tiles;
    std::map<std::string_view, size_t> by_name;
    for (size_t p = 0; p < parameters.size(); ++p) by_name.emplace(parameters[p].name, p);
    const SafetensorsMetadata& firsts = m_files[file].metadata();
    for (const TensorInfo& tensor : m_files[file].tensors()) {
        const size_t slash = tensor.name.rfind('/');
        const std::string name = tensor.name.substr(0, slash);
        const std::string_view kind = std::string_view(tensor.name).substr(slash == std::string::npos ? 0 : slash + 1);
        const size_t state = kind == "master" ? 0 : kind == "exp_avg" ? 1 : kind == "exp_avg_sq" ? 2 : 3;
        const auto parameter = by_name.find(name);
        const auto first = firsts.find(name);
        Stretch stretch{.elements = tensor.elements, .file = file, .tensor = &tensor};
        const std::string digits = first == firsts.end() ? "" : first->second;
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), stretch.first);
        if (state == 3 || parameter == by_name.end() || tensor.dtype != "F32" || parsed.ec != std::errc() ||
            stretch.first < 0 || stretch.first > parameters[parameter->second].elements - stretch.elements)
            return damaged(pathOf(file), "holds a tensor " + shortText(tensor.name) + " that " + m_info.model.name +
                                             " has no place for");
        if (stretch.elements > 0) m_stretches[parameter->second][state].push_back(stretch);
    }
    return {};
}

Result<void> CheckpointReader::read(StateKind kind, int32_t parameter, int64_t first, std::span<float> out) const {
    const std::vector<int32_t>& tiles = at(m_tiles_of, parameter);
    if (tiles.size() == 1) return readTile(kind, tiles.front(), first, out);
    while (!out.empty()) { // as far as a row goes in its tile; the tiles are in rows
        const ParameterInfo& any = at(m_tiles, tiles.front());
        const int64_t columns = any.tile->whole_columns, row = first / columns, column = first % columns;
        const int64_t across = columns / any.shape[1];
        const int32_t t = tiles[static_cast<size_t>(row / any.shape[0] * across + column / any.shape[1])];
        const TileInfo& tile = *at(m_tiles, t).tile;
        const int64_t left = tile.column + any.shape[1] - column;
        const size_t count = std::min(out.size(), static_cast<size_t>(left));
        if (auto done = readTile(kind, t, (row - tile.row) * any.shape[1] + column - tile.column, out.first(count));
            !done)
            return done;
        out = out.subspan(count);
        first += static_cast<int64_t>(count);
    }
    return {};
}

Result<void> CheckpointReader::readTile(StateKind kind, int32_t tile, int64_t first, std::span<float> out) const {
    const std::vector<Stretch>& stretches = at(m_stretches, tile)[static_cast<size_t>(kind)];
    auto stretch = std::upper_bound(stretches.begin(), stretches.end(), first,
                                    [](int64_t element, const Stretch& s) { return element < s.first; }) -
                   1;
    for (; !out.empty(); ++stretch) {
        const int64_t skipped = first - stretch->first;
        const auto count = std::min(out.size(), static_cast<size_t>(stretch->elements - skipped));
        const auto read = m_files[stretch->file].read(*stretch->tensor, skipped, out.first(count));
        if (!read) return read.error();
        out = out.subspan(count);
        first += static_cast<int64_t>(count);
    }
    return {};
}

} // namespace shardscope
