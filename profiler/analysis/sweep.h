// SPDX-License-Identifier: Apache-2.0
// What `shardscope sweep` measured: the points of a sweep with their runs, as sweep.json holds them, and what follows
// from them. The command writes it and the window reads it. Only `runs` are measurements; every figure and sentence is
// worked out from them again, so that a file can never claim more than it holds. Definitions in docs/sweep.md.
#pragma once
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shardscope {

// One training run of a point. Times are medians over the steps that follow the warm-up; communication is the mean over
// the ranks of a step.
struct SweepRun {
    int64_t round = 0; // the runs of one round were made one after another, point by point
    int64_t steps = 0; // measured
    int64_t step_ns = 0, exposed_comm_ns = 0, comm_ns = 0;
    double overlap_percent = 0;
    double collectives = 0; // per rank and step
    int64_t peak_bytes = 0; // device memory of the rank that needs most
    double final_loss = 0;
    std::string loss_bits; // a hash of the bits of all losses, warm-up included
    std::string trace;     // a name in the sweep's folder; empty: not kept
    std::string error;     // why there are no figures; empty: there are
    double seconds = 0;    // that the run took as a whole
    bool measured() const { return error.empty(); }
};

struct SweepPoint {
    std::vector<std::string> values; // one JSON text per key
    int32_t same_plan_as = -1;       // the point with the same step program that was run for both; -1: none
    bool is_default = false;         // every key at the value it has when the configuration does not give it
    std::vector<SweepRun> runs;
};

struct Sweep {
    std::string folder; // where sweep.json lies; not stored
    std::string status; // running | finished | stopped; "running" with nobody running it: was killed
    std::string title;  // "gpt2-tiny · ZeRO-2 · 4 ranks · bf16 · overlap on · link pcie4"
    int64_t repeat = 1, steps = 0, warmup_steps = 0;
    bool link_emulated = false;
    std::vector<std::string> keys;           // dotted
    std::map<std::string, std::string> base; // what all points share: "model", "ranks", "link", "config" (JSON) ...
    std::vector<SweepPoint> points;

    const SweepPoint& measuredPoint(size_t point) const { // the one whose runs stand for it
        const int32_t other = points[point].same_plan_as;
        return points[other < 0 ? point : static_cast<size_t>(other)];
    }
};

inline constexpr const char* sweep_file_name = "sweep.json";

// From the path of sweep.json or of its folder. Refuses in one sentence what is no sweep, damaged or from a newer
// version.
Result<Sweep> readSweep(const std::string& path);
Result<Sweep> sweepFromJson(const std::string& text, const std::string& source);
std::string sweepJson(const Sweep&);
// Whether a path that a user opens is meant to be a sweep: a folder with sweep.json, or a file of that name.
bool mayBeSweep(const std::string& path);

// The figures of a finished trace of a run. `steps` names the steps that must be there.
Result<SweepRun> measureRun(const TraceReader&, int64_t warmup_steps);

// --- what follows ---------------------------------------------------------------------------------------------------

// A figure over the runs of a point: their median, and the interval of Student's t that holds the mean of such runs
// with 95 %. One run has no interval.
struct Estimate {
    double value = 0, low = 0, high = 0;
    bool has_interval = false;
    double halfWidth() const { return (high - low) / 2; }
};
Estimate estimateOf(std::vector<double> values);

struct PointFigures {
    int64_t runs = 0; // that succeeded; 0: there is nothing to show
    Estimate step_ns, exposed_comm_ns, comm_ns;
    double overlap_percent = 0, collectives = 0;
    int64_t peak_bytes = 0;
    std::string trace; // of the run whose step is nearest to the median, among those kept; whole path
    std::string error; // of the last run that failed
};
std::vector<PointFigures> figuresOf(const Sweep&); // by point

enum class LossAgreement { unknown, equal, different };

struct SweepVerdict {
    int32_t fastest = -1;       // -1: nothing was measured
    int32_t recommended = -1;   // least memory of those that noise and 3 % do not tell from the fastest
    int32_t reference = -1;     // the default, if it was measured
    std::vector<int32_t> equal; // cannot be told from the fastest; with it, in order
    bool has_intervals = false; // else nothing says whether differences are more than noise
    LossAgreement loss = LossAgreement::unknown;
    int64_t runs = 0; // that succeeded
};
SweepVerdict verdictOf(const Sweep&, const std::vector<PointFigures>&);
// "18.8 % faster than the default 5e8 ..."; the sentences of the recommendation, in order of weight.
std::vector<std::string> verdictSentences(const Sweep&, const std::vector<PointFigures>&, const SweepVerdict&);

Report sweepReport(const Sweep&);    // tables points and runs
std::string sweepText(const Sweep&); // for a terminal: fewer columns, and the verdict

std::string shortKey(const std::string& dotted);    // its last part
std::string valueLabel(const std::string& json);    // "1e5", "790528", "on"
std::string pointLabel(const Sweep&, size_t point); // "reduce_bucket_size 1e5, overlap_comm on"

} // namespace shardscope
