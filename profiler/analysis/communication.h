// SPDX-License-Identifier: Apache-2.0
// What collectives cost and whose fault it is: exposed communication by bucket, layer, phase and configuration key,
// waiting against transfer, bandwidths, stragglers, and compute that slows down beside communication. Formulas in
// docs/metrics.md.
#pragma once
#include "profiler/analysis/rank_activity.h"
#include <map>

namespace shardscope {

// The share of one collective of one rank in its exposed communication. Where collectives of a rank overlap, each
// nanosecond belongs to the one that started first, so that shares add up to the rank's comm_ns and exposed_comm_ns.
struct CollectiveShare {
    IntervalEvent event;
    int32_t rank = 0;
    int64_t comm_ns = 0, exposed_ns = 0, exposed_wait_ns = 0;
};
std::vector<CollectiveShare> collectiveShares(const TraceReader&, const RankActivity&); // by start

// Bus bandwidth over algorithm bandwidth in a group of n ranks (nccl-tests, doc/PERFORMANCE.md).
double busFactor(OpClass, int64_t ranks);

std::vector<CommunicationRow> communicationRows(const TraceReader&, const std::vector<CollectiveShare>&);
std::vector<StragglerRow> stragglerRows(const std::vector<CollectiveShare>&);

struct Slowdown {
    std::vector<SlowdownRow> rows; // the most time beside communication first
    double all = 0;
};
Slowdown slowdownOf(const TraceReader&, const std::vector<RankActivity>&);

std::string layerText(const TraceReader&, int32_t layer); // "embedding", "3", "head"; empty for none

} // namespace shardscope
