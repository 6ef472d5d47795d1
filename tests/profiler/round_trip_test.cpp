// SPDX-License-Identifier: Apache-2.0
// A trace that went out through an exporter and came back through an importer has the same numbers, and a trace without
// event rows answers SQL as one with rows does.
#include "profiler/analysis/summary.h"
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/exporters/export.h"
#include "traces/importers/import.h"
#include "traces/query.h"
#include "traces/trace_writer.h"

using namespace shardscope;

namespace {

std::unique_ptr<TraceReader> opened(const std::string& path) {
    auto trace = TraceReader::open(path);
    if (!trace) FAIL(trace.error().message);
    return *std::move(trace);
}

std::unique_ptr<TraceReader> importedAs(const std::string& path, const std::vector<std::string>& sources,
                                        const ImportOptions& options = {}) {
    const auto summary = importTrace(sources, path, options);
    if (!summary) FAIL(summary.error().message);
    return opened(path);
}

void checkSameBudgets(const TraceReader& a, const TraceReader& b) {
    const Summary x = summarize(a), y = summarize(b);
    REQUIRE(x.ranks.size() == y.ranks.size());
    for (size_t r = 0; r < x.ranks.size(); ++r) {
        INFO(r);
        CHECK(x.ranks[r].rank == y.ranks[r].rank);
        CHECK(x.ranks[r].comm_ns > 0);
        for (const auto member : {&RankBudget::span_ns, &RankBudget::busy_ns, &RankBudget::compute_ns,
                                  &RankBudget::comm_ns, &RankBudget::copy_ns, &RankBudget::overlap_ns,
                                  &RankBudget::exposed_comm_ns, &RankBudget::exposed_copy_ns, &RankBudget::idle_ns})
            CHECK(x.ranks[r].*member == y.ranks[r].*member);
    }
}

std::vector<Row> rowsOf(const TraceReader& trace, const std::string& sql) {
    std::vector<Row> rows;
    const auto end = queryTrace(
        trace.path(), sql, {}, [](const auto&) {},
        [&](const Row& row) {
            rows.push_back(row);
            return true;
        });
    if (!end) FAIL(end.error().message);
    return rows;
}

} // namespace

TEST_CASE("our trace as a PyTorch profile, imported again, gives the same numbers") {
    const TemporaryFolder folder;
    const int stage = GENERATE(1, 3);
    SampleTraceOptions options;
    options.stage = stage;
    options.ranks = 3;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto files = exportKineto(folder / "run.shardscope", folder / "run.pt.trace.json.gz", {});
    REQUIRE(files);
    REQUIRE(files->files.size() == 3);
    const auto trace = opened(folder / "run.shardscope");
    CHECK(files->events == trace->eventCount());
    checkSameBudgets(*trace, *importedAs(folder / "back.shardscope", files->files));
}

TEST_CASE("work of the host goes out and comes back as work") {
    const TemporaryFolder folder;
    {
        auto writer = std::move(TraceWriter::create(folder / "run.shardscope")).value();
        const LaneId compute = writer->addLane({0, LaneKind::compute, "compute"}),
                     comm = writer->addLane({0, LaneKind::comm, "comm"}),
                     host = writer->addLane({0, LaneKind::host, "host"}),
                     storage = writer->addLane({0, LaneKind::storage, "storage"});
        const auto event = [&](LaneId lane, const char* name, int64_t start, int64_t end, OpClass op_class) {
            const TraceEvent e = IntervalEvent{
                .lane = lane, .name = writer->intern(name), .start_ns = start, .end_ns = end, .op_class = op_class};
            writer->append({&e, 1});
        };
        event(compute, "block 0", 1000, 3000, OpClass::compute);
        event(comm, "all_gather block 1", 2500, 4500, OpClass::all_gather);
        event(host, "AdamW of sub-group 0", 4000, 9001, OpClass::host);
        event(storage, "read optimizer states 0", 3500, 10007, OpClass::storage);
        REQUIRE(writer->finish("finished"));
    }
    const auto files = exportKineto(folder / "run.shardscope", folder / "run.json", {});
    REQUIRE(files);
    const auto trace = opened(folder / "run.shardscope");
    CHECK(summarize(*trace).ranks.at(0).compute_ns == 2000 + 5001);
    checkSameBudgets(*trace, *importedAs(folder / "back.shardscope", files->files));
}

TEST_CASE("an imported profile goes out and comes back the same") {
    const char* const set = std::getenv("SHARDSCOPE_SAMPLES");
    std::string sample = std::string(set ? set : "") + "/hta_ws2_rank0_nccl_args.json.gz";
    if (!std::filesystem::exists(sample))
        sample = std::string(set ? set : "") + "/samples/hta_ws2_rank0_nccl_args.json.gz";
    if (!std::filesystem::exists(sample)) {
        WARN("skipped: SHARDSCOPE_SAMPLES names no folder with samples");
        return;
    }
    const TemporaryFolder folder;
    const auto first = importedAs(folder / "first.shardscope", {sample});
    const auto files = exportKineto(first->path(), folder / "again.json", {});
    REQUIRE(files);
    checkSameBudgets(*first, *importedAs(folder / "second.shardscope", files->files));
}

TEST_CASE("a trace without event rows answers SQL like one with rows") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.ranks = 2;
    writeSampleTrace(folder / "run.shardscope", options);
    const auto files = exportKineto(folder / "run.shardscope", folder / "run.json", {});
    REQUIRE(files);
    ImportOptions with, without;
    with.rows = true;
    without.rows = false;
    const auto rows = importedAs(folder / "rows.shardscope", files->files, with);
    const auto columns = importedAs(folder / "columns.shardscope", files->files, without);
    CHECK(rows->eventCount() == columns->eventCount());
    for (const std::string sql :
         {"SELECT count(*), min(start_ns), max(end_ns), count(correlation), count(op) FROM event",
          "SELECT rank, lane, name, op_class, count(*), sum(duration_ns) FROM event GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, "
          "3, 4",
          "SELECT collective, count(*), sum(bytes) FROM collective GROUP BY 1 ORDER BY 1",
          "SELECT count(*) FROM event_row WHERE lane = 1 AND start_ns > 5000000"}) {
        INFO(sql);
        const std::vector<Row> answer = rowsOf(*rows, sql);
        CHECK_FALSE(answer.empty());
        CHECK((answer == rowsOf(*columns, sql)));
    }
    const auto refused = queryTrace(
        columns->path(), "DELETE FROM event_row", {}, [](const auto&) {}, [](const Row&) { return true; });
    CHECK_FALSE(refused);
}
