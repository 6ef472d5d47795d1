// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/nsys_facts.h"
#include <set>

namespace shardscope::importers {

namespace {

void readEnvironment(NsysFile& file, ImportJob& job) {
    constexpr size_t most = 16 << 20;
    std::string text;
    for (const char* table : {"TARGET_INFO_SYSTEM_ENV", "META_DATA_CAPTURE", "META_DATA_EXPORT", "EXPORT_META_DATA"})
        (void)file.read(table, {"name", "value"}, 2, [&](const Statement& row) {
            if (text.size() < most) text += std::string(row.text(0)) + "=" + std::string(row.text(1)) + "\n";
        });
    bool repaired = false;
    job.table.run["environment"] = validUtf8(std::string_view(text).substr(0, most), repaired);
}

void noteSkipped(NsysFile& file, ImportTable& table) {
    static const std::set<std::string> described = {"OSRT_API",
                                                    "SCHED_EVENTS",
                                                    "COMPOSITE_EVENTS",
                                                    "GPU_METRICS",
                                                    "PROFILER_OVERHEAD",
                                                    "CUDA_GRAPH_NODE_EVENTS",
                                                    "MPI_P2P_EVENTS",
                                                    "MPI_COLLECTIVES_EVENTS",
                                                    "CUBLAS_EVENTS",
                                                    "CUDNN_EVENTS",
                                                    "CUDA_GRAPH_EVENTS",
                                                    "CUDA_UM_CPU_PAGE_FAULT_EVENTS",
                                                    "CUPTI_ACTIVITY_KIND_CUDA_EVENT",
                                                    "CUPTI_ACTIVITY_KIND_OVERHEAD",
                                                    "CUDA_GPU_MEMORY_POOL_EVENTS"};
    int64_t rows = 0;
    std::string names;
    for (const std::string& name : file.tables()) {
        const int64_t count = described.contains(name) ? file.rowsOf(name) : 0;
        if (count > 0) names += (rows ? ", " : "") + name;
        rows += count;
    }
    table.warn("tables_not_imported", "Shardscope has no place for the rows of " + names + "; they were left out.",
               rows);
    int64_t problems = 0;
    (void)file.read("DIAGNOSTIC_EVENT", {"severity"}, 1, [&](const Statement& row) {
        problems += row.integer(0) == 2 || row.integer(0) == 3; // warning, error
    });
    table.warn("profiler_diagnostics", "Nsight Systems reported problems while recording; see its diagnostics.",
               problems);
}

} // namespace

NsysGpuNames::NsysGpuNames(NsysFile& file) {
    (void)file.read("TARGET_INFO_GPU", {"name", "cuDevice", "id"}, 1, [&](const Statement& row) {
        const std::string name(row.text(0).substr(0, 128));
        const int64_t id = row.integerOr(2, row.integerOr(1, 0));
        m_by_id[id] = name;
        m_by_ordinal[row.integerOr(1, id)] = name;
    });
    (void)file.read("TARGET_INFO_CUDA_DEVICE", {"gpuId", "cudaId", "pid"}, 3, [&](const Statement& row) {
        if (!row.isNull(0)) m_ids[{row.integer(2) & 0xffffff, row.integer(1)}] = row.integer(0);
    });
}

std::string NsysGpuNames::of(int64_t pid, int64_t device) const {
    const auto nameIn = [](const std::map<int64_t, std::string>& names, int64_t number) {
        const auto found = names.find(number);
        return found == names.end() ? std::string() : found->second;
    };
    const auto id = m_ids.find({pid & 0xffffff, device});
    return id == m_ids.end() ? nameIn(m_by_ordinal, device) : nameIn(m_by_id, id->second);
}

void readNsysFacts(NsysFile& file, ImportJob& job) {
    std::string product, schema;
    for (const char* table : {"META_DATA_EXPORT", "EXPORT_META_DATA"})
        (void)file.read(table, {"name", "value"}, 2, [&](const Statement& row) {
            if (row.text(0) == "EXPORT_PRODUCT_VERSION") product = row.text(1).substr(0, 64);
            if (row.text(0) == "EXPORT_SCHEMA_VERSION") schema = row.text(1).substr(0, 64);
        });
    job.table.run["software"] = "NVIDIA Nsight Systems" + (product.empty() ? "" : " " + product);
    if (!schema.empty()) job.table.run["source_schema"] = schema;
    if (job.options.with_environment) readEnvironment(file, job);
    noteSkipped(file, job.table);
}

} // namespace shardscope::importers
