// SPDX-License-Identifier: Apache-2.0
// Chrome JSON in its dialects, and damaged in every way that profilers are known to damage it.
#include "imported.h"
#include "profiler/analysis/buffer_lives.h"
#include <fmt/format.h>
#include <fstream>
#include <zlib.h>

using namespace shardscope;
using namespace shardscope::test;

namespace {

std::string write(const TemporaryFolder& folder, const std::string& name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    return folder / name;
}

// Each part becomes a member of its own.
std::string writeGzip(const TemporaryFolder& folder, const std::string& name, const std::vector<std::string>& parts) {
    std::remove((folder / name).c_str());
    for (const std::string& part : parts) {
        gzFile file = gzopen((folder / name).c_str(), "ab");
        REQUIRE(gzwrite(file, part.data(), static_cast<unsigned>(part.size())) == static_cast<int>(part.size()));
        gzclose(file);
    }
    return folder / name;
}

std::string kernel(const std::string& name, const std::string& ts, const std::string& dur, int correlation = 1,
                   const std::string& more = "") {
    return R"({"ph":"X","cat":"kernel","name":")" + name + R"(","pid":0,"tid":7,"ts":)" + ts + R"(,"dur":)" + dur +
           R"(,"args":{"stream":7,"device":0,"correlation":)" + std::to_string(correlation) + more + "}}";
}

std::string call(const std::string& name, const std::string& ts, const std::string& dur, int correlation = 1) {
    return R"({"ph":"X","cat":"cuda_runtime","name":")" + name + R"(","pid":4037,"tid":4040,"ts":)" + ts +
           R"(,"dur":)" + dur + R"(,"args":{"correlation":)" + std::to_string(correlation) + "}}";
}

std::string object(const std::string& events, const std::string& before = "", const std::string& after = "") {
    return "{\"schemaVersion\": 1, " + before + "\"traceEvents\": [\n" + events + "\n]" + after + "}";
}

Imported importText(const TemporaryFolder& folder, const std::string& text) {
    return importInto(folder, {write(folder, "trace.json", text)});
}

} // namespace

TEST_CASE("the same events come from an object, an array, gzip and text behind a byte order mark") {
    const TemporaryFolder folder;
    const std::string events = call("cudaLaunchKernel", "10", "2") + ",\n" + kernel("gemm", "13.5", "4");
    const std::vector<std::string> files = {
        write(folder, "object.json", object(events)),
        write(folder, "array.json", "[" + events + "]"),
        write(folder, "open_array.json", "[" + events + ",\n"),
        write(folder, "mark.json", "\xef\xbb\xbf[" + events + "]"),
        writeGzip(folder, "one.bin", {object(events)}),
        writeGzip(folder, "members.json.gz", {object(events).substr(0, 60), object(events).substr(60)})};
    for (const std::string& file : files) {
        INFO(file);
        const Imported imported = importInto(folder, {file});
        CHECK(imported.summary.events == 2);
        const auto kernels = imported.named("gemm");
        REQUIRE(kernels.size() == 1);
        CHECK(kernels[0].start_ns == 3500);
        CHECK(kernels[0].end_ns == 7500);
        CHECK(kernels[0].op_class == OpClass::compute);
        CHECK(kernels[0].correlation == 1);
        CHECK(imported.named("cudaLaunchKernel").at(0).op_class == OpClass::api_call);
        CHECK(imported.warned("unlinked_kernels") == 0);
        CHECK(imported.warned("truncated_file") == (file.find("open_array") != std::string::npos ? 1 : 0));
    }
}

TEST_CASE("times are exact however they are written") {
    const TemporaryFolder folder;
    const auto imported = importText(folder, object(kernel("first", "1712195495521131.125", "0.001") + "," +
                                                        kernel("text", "\"1712195495521131.126\"", "\"1\"") + "," +
                                                        kernel("exponent", "1.712195495521131127e15", "1e-3") + "," +
                                                        kernel("rounded", "1712195495521131.1281", "2.0009") + "," +
                                                        kernel("integer", "1712195495521132", "68.0"),
                                                    "", ", \"baseTimeNanoseconds\": 17"));
    const auto at = [&](const char* name) {
        const auto found = imported.named(name);
        REQUIRE(found.size() == 1);
        return std::pair{found[0].start_ns, found[0].end_ns - found[0].start_ns};
    };
    CHECK(at("first") == std::pair<int64_t, int64_t>{0, 1});
    CHECK(at("text") == std::pair<int64_t, int64_t>{1, 1000});
    CHECK(at("exponent") == std::pair<int64_t, int64_t>{2, 1});
    CHECK(at("rounded") == std::pair<int64_t, int64_t>{3, 2001});
    CHECK(at("integer") == std::pair<int64_t, int64_t>{875, 68000});
}

TEST_CASE("events that cannot be right are left out or forced into limits, and counted") {
    const TemporaryFolder folder;
    const auto imported = importText(
        folder, object(kernel("good", "10", "1") + "," + kernel("negative", "20", "-5") + "," +
                       kernel("week", "20", "700000000000") + "," + kernel("huge", "1e30", "1") + "," +
                       kernel("digits", std::string(400, '9'), "1") + "," + kernel("words", "\"soon\"", "1") + "," +
                       kernel("no_length", "20", "null") + R"(,{"ph":"X","name":"no time","dur":1},{"ph":"?"},)" +
                       R"({"ph":"Q","ts":1,"name":"x"},{"name":"none"}, 7, [1,2], "text", null)"));
    CHECK(imported.summary.events == 2);
    CHECK(imported.named("negative").at(0).end_ns == imported.named("negative").at(0).start_ns);
    CHECK(imported.warned("negative_durations") == 1);
    CHECK(imported.warned("impossible_durations") == 1);
    CHECK(imported.warned("bad_numbers") == 3);
    CHECK(imported.warned("incomplete_events") == 3 + 1);
    CHECK(imported.warned("unknown_events") == 1);
    CHECK(imported.warned("not_events") == 4);
}

TEST_CASE("damage that profilers are known to write costs at most its own event") {
    const TemporaryFolder folder;
    struct Case {
        const char* kind;  // of the warning; null: nothing that is used was touched
        std::string event; // damaged
        int64_t events;    // of the three
    };
    const std::string head = R"({"ph":"X","cat":"cpu_op","name":"damaged","pid":1,"tid":1,"ts":2,"dur":1,"args":{)";
    const std::vector<Case> cases = {
        {nullptr, head + R"("value": N/A}})", 3},
        {nullptr, head + R"("value": nan, "other": -Infinity}})", 3},
        {"repaired_words", head + R"("value": nan, "text": "a "quoted" word"}})", 3},
        {"repaired_escapes", head + R"("path": "C:\Users\x"}})", 3},
        {"repaired_controls", head + "\"text\": \"a\x01\x1f b\nc\"}}", 3},
        {"repaired_quotes", head + R"("text": "a "quoted" word"}})", 3},
        {"repaired_utf8", head + "\"text\": \"\xff\xfe\"}}", 3},
        {"deep_values", head + "\"text\": \"\x01\", \"v\": " + std::string(5000, '[') + std::string(5000, ']') + "}}",
         3},
        {"repaired_quotes", R"({"ph":"X","cat" "cpu_op","name":"damaged","ts":2,"dur":1})", 2},
        {"skipped_text", head + R"("list": [1, 2, }})", 2},
        {"skipped_text", R"({"ph":"X","name":"damaged","ts":2,"dur":1,"args":{"a":{)", 2},
    };
    for (const Case& c : cases) {
        INFO(c.event.substr(0, 200));
        const auto imported = importText(
            folder, object(kernel("before", "1", "1") + ",\n" + c.event + ",\n" + kernel("after", "9", "1")));
        CHECK(imported.summary.events == c.events);
        CHECK(imported.named("before").size() == 1);
        CHECK(imported.named("after").size() == 1);
        if (c.kind) CHECK(imported.warned(c.kind) > 0);
    }
}

TEST_CASE("damage in the middle of a large file leaves all other events") {
    const TemporaryFolder folder;
    constexpr int count = 40'000;
    for (const std::string& damage : {std::string(R"({"ph":"X","name":"bad" "ts":2})"), std::string("\xff\xff\xff"),
                                      std::string(R"({"ph":"X","name":"a"b","ts":1)"),
                                      std::string(R"({"ph":"X","name":"x","ts":5,"dur":1,"args":{"text":"\q"}})")}) {
        INFO(damage);
        std::string events;
        for (int i = 0; i < count; ++i) {
            if (i == count / 2) events += damage + ",\n";
            events += kernel("k", std::to_string(i * 10), "5", i + 1) + (i + 1 < count ? ",\n" : "");
        }
        const auto imported = importText(folder, object(events));
        CHECK(imported.named("k").size() == count);
    }
}

TEST_CASE("a file that ends anywhere gives all events before") {
    const TemporaryFolder folder;
    const std::string text =
        object(kernel("a", "1", "1") + ",\n" + kernel("b", "2", "1") + ",\n" + kernel("c", "3", "1"));
    const std::string first = "{\"schemaVersion\": 1, \"traceEvents\": [\n" + kernel("a", "1", "1");
    for (size_t length = first.size(); length + 2 < text.size(); length += 7) {
        INFO(length);
        const auto imported = importText(folder, text.substr(0, length));
        CHECK(imported.named("a").size() == 1);
        CHECK(imported.warned("truncated_file") == 1);
    }
    // Compressed files end early too.
    std::string long_text = object(kernel("a", "1", "1") + ",\n" + [] {
        std::string more;
        for (int i = 0; i < 3000; ++i)
            more += kernel("k" + std::to_string(i * 7919 % 1000), std::to_string(i), "1") + ",\n";
        return more;
    }() + kernel("z", "3", "1"));
    writeGzip(folder, "whole.gz", {long_text});
    std::ifstream whole(folder / "whole.gz", std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(whole), {}};
    const auto imported = importInto(folder, {write(folder, "half.gz", bytes.substr(0, bytes.size() / 2))});
    CHECK(imported.summary.events > 100);
    CHECK(imported.summary.events < 3002);
    CHECK(imported.warned("truncated_file") == 1);
}

TEST_CASE("what expands without end is stopped") {
    const TemporaryFolder folder;
    const auto bomb = writeGzip(folder, "bomb.gz",
                                {"{\"traceEvents\":[" + kernel("only", "1", "1") + ",", std::string(150'000'000, ' ')});
    const auto imported = importInto(folder, {bomb});
    CHECK(imported.summary.events == 1);
    CHECK(imported.warned("truncated_file") == 1);
}

TEST_CASE("nested and open ranges of B and E events") {
    const TemporaryFolder folder;
    const auto imported = importText(
        folder,
        R"([{"ph":"B","name":"outer","pid":1,"tid":"main","ts":0},{"ph":"B","name":"inner","pid":1,"tid":"main","ts":2},)"
        R"({"ph":"E","pid":1,"tid":"main","ts":3},{"ph":"E","pid":1,"tid":"main","ts":5},{"ph":"E","pid":1,"tid":"main","ts":6},)"
        R"({"ph":"B","name":"never closed","pid":1,"tid":"main","ts":7},{"ph":"i","name":"mark","pid":1,"tid":"main","ts":9},)"
        R"({"ph":"b","cat":"io","id":"0x1","name":"load","pid":1,"ts":1},{"ph":"n","cat":"io","id":"0x1","name":"load","pid":1,"ts":2},)"
        R"({"ph":"e","cat":"io","id":"0x1","name":"load","pid":1,"ts":4},{"ph":"e","cat":"io","id":"0x2","name":"load","pid":1,"ts":4},)"
        R"({"ph":"C","name":"memory","pid":1,"ts":1,"args":{"used":3,"free":"5.5"}},{"ph":"C","name":"memory","pid":1,"ts":4,"args":{"used":8}},)"
        R"({"ph":"M","name":"thread_name","pid":1,"tid":"main","args":{"name":"main loop"}},{"ph":"s","id":1,"ts":1,"name":"flow"}])");
    const auto range = [&](const char* name) {
        const auto found = imported.named(name);
        REQUIRE(found.size() == 1);
        return std::pair{found[0].start_ns, found[0].end_ns};
    };
    CHECK(range("outer") == std::pair<int64_t, int64_t>{0, 5000});
    CHECK(range("inner") == std::pair<int64_t, int64_t>{2000, 3000});
    CHECK(range("never closed") == std::pair<int64_t, int64_t>{7000, 9000});
    CHECK(range("mark") == std::pair<int64_t, int64_t>{9000, 9000});
    CHECK(range("load") == std::pair<int64_t, int64_t>{1000, 4000});
    CHECK(imported.warned("ends_without_begin") == 2);
    CHECK(imported.warned("open_ranges") == 1);
    CHECK(imported.warned("async_steps") == 1);
    CHECK(imported.warned("flows_not_imported") == 1);
    // Nested calls lie in lanes of their own.
    CHECK(imported.trace->lanes()[static_cast<size_t>(imported.named("outer")[0].lane)].name == "rank 0 main loop");
    CHECK(imported.trace->lanes()[static_cast<size_t>(imported.named("inner")[0].lane)].name ==
          "rank 0 main loop, depth 1");
    const auto counters = imported.trace->counters();
    REQUIRE(counters.size() == 2);
    CHECK(counters[0].name == "memory used");
    CHECK(counters[0].time_ns == std::vector<int64_t>{1000, 4000});
    CHECK(counters[0].value == std::vector<double>{3, 8});
    CHECK(counters[1].value == std::vector<double>{5.5});
}

TEST_CASE("ranges that a program wrote out of order are paired by time") {
    const TemporaryFolder folder;
    const auto mark = [](const char* ph, const char* name, int ts) {
        return R"({"ph":")" + std::string(ph) + R"(","name":")" + name + R"(","pid":1,"tid":2,"ts":)" +
               std::to_string(ts) + "}";
    };
    const Imported t = importText(folder, "[" + mark("B", "late", 10) + "," + mark("B", "early", 5) + "," +
                                              mark("E", "late", 20) + "," + mark("E", "early", 7) + "]");
    const auto early = t.named("early"), late = t.named("late");
    REQUIRE(early.size() == 1);
    REQUIRE(late.size() == 1);
    CHECK(early[0].end_ns - early[0].start_ns == 2000);
    CHECK(late[0].end_ns - late[0].start_ns == 10'000);
    CHECK(t.warned("negative_durations") == 0);
}

TEST_CASE("asynchronous ranges are told apart by ids in either form") {
    const TemporaryFolder folder;
    const auto mark = [](const char* ph, const char* id, int ts) {
        return R"({"ph":")" + std::string(ph) + R"(","cat":"io","name":"load","pid":1,"id2":{"local":")" + id +
               R"("},"ts":)" + std::to_string(ts) + "}";
    };
    const Imported t = importText(folder, "[" + mark("b", "0x1", 0) + "," + mark("b", "0x2", 10) + "," +
                                              mark("e", "0x1", 20) + "," + mark("e", "0x2", 50) + "]");
    const auto loads = t.named("load");
    REQUIRE(loads.size() == 2);
    CHECK(loads[0].end_ns - loads[0].start_ns == 20'000);
    CHECK(loads[1].end_ns - loads[1].start_ns == 40'000);
    CHECK(t.warned("repeated_begins") == 0);
}

TEST_CASE("collectives carry their size, ring bytes and process group") {
    const TemporaryFolder folder;
    const std::string arguments =
        R"(,"Collective name":"allreduce","In msg nelems":1000,"Out msg nelems":1000,"Group size":4,"dtype":"BFloat16",)"
        R"("Process Group Name":"0","Process Group Description":"default_pg","Process Group Ranks":"[0, 1, 2, 3]")";
    const auto imported = importText(
        folder,
        object(
            kernel("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(args)", "1", "5", 1, arguments) + "," +
            R"({"ph":"X","cat":"cpu_op","name":"record_param_comms","pid":1,"tid":1,"ts":0,"dur":1,"args":{"External id":77,)"
            R"("Collective name":"_allgather_base","In msg nelems":10,"Out msg nelems":40,"Group size":4,"dtype":"Float"}},)" +
            kernel("ncclDevKernel_Generic", "7", "5", 2, R"(,"External id":77)") + "," +
            kernel("ncclKernel_SendRecv(ncclWorkElem)", "17", "5", 3) + "," + kernel("hipKernel", "30", "1", 4) + "," +
            kernel("SyncBatchNorm", "40", "1", 5) + "," +
            kernel("Memcpy DtoH (Device -> Pinned)", "50", "1", 6, R"(,"bytes":4096)")));
    const auto event = [&](const char* name) {
        const auto found = imported.named(name);
        REQUIRE(found.size() == 1);
        return found[0];
    };
    const IntervalEvent all_reduce = event("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(args)");
    CHECK(all_reduce.op_class == OpClass::all_reduce);
    CHECK(all_reduce.elements == 1000);
    CHECK(all_reduce.bytes == 2000);
    CHECK(all_reduce.sent_bytes == 3000);                        // 2 (N-1)/N
    const IntervalEvent gather = event("ncclDevKernel_Generic"); // from the call that it belongs to
    CHECK(gather.op_class == OpClass::all_gather);
    CHECK(gather.bytes == 160);
    CHECK(gather.sent_bytes == 120);
    CHECK(event("ncclKernel_SendRecv(ncclWorkElem)").op_class == OpClass::send_recv);
    CHECK(event("hipKernel").op_class == OpClass::communication);
    CHECK(event("SyncBatchNorm").op_class == OpClass::synchronize);
    CHECK(event("Memcpy DtoH (Device -> Pinned)").op_class == OpClass::copy);
    CHECK(event("Memcpy DtoH (Device -> Pinned)").bytes == 4096);
    REQUIRE(imported.trace->processGroups().size() == 1);
    const ProcessGroupEvent& group = imported.trace->processGroups()[0];
    CHECK(all_reduce.process_group == group.group);
    CHECK(group.description == "default_pg");
    CHECK(group.ranks == "[0, 1, 2, 3]");
    CHECK(group.size == 4);

    ImportOptions options;
    options.comm_patterns = {"*SyncBatch*"};
    const auto with_pattern = importInto(folder, {folder / "trace.json"}, options);
    CHECK(with_pattern.named("SyncBatchNorm").at(0).op_class == OpClass::communication);
}

TEST_CASE("memory instants become the ledger, with what was held before") {
    const TemporaryFolder folder;
    const auto change = [](int ts, int bytes, const std::string& more) {
        return R"({"ph":"i","name":"[memory]","pid":1,"tid":1,"ts":)" + std::to_string(ts) +
               R"(,"args":{"Device Type":1,"Device Id":0,"Addr":99,"Bytes":)" + std::to_string(bytes) + more + "}}";
    };
    const auto with_totals =
        importText(folder, object(change(5, -100, R"(,"Total Allocated":400,"Total Reserved":900)") + "," +
                                  change(3, 200, R"(,"Total Allocated":500,"Total Reserved":900)")));
    const MemoryCurve& curve = with_totals.trace->memory(0, MemoryTier::device);
    CHECK(curve.peak_bytes == 500);
    CHECK(curve.total_bytes.back() == 400);
    CHECK(with_totals.warned("memory_before_start") == 1);
    const auto without = importText(folder, object(change(3, 50, "") + "," + change(5, -100, "")));
    CHECK(without.trace->memory(0, MemoryTier::device).peak_bytes == 100);
    CHECK(without.trace->memory(0, MemoryTier::device).total_bytes.back() == 0);
}

TEST_CASE("a release ends the allocation at its address, not the latest of its size") {
    const TemporaryFolder folder;
    const auto change = [](int ts, int bytes, const char* address) {
        return fmt::format(R"({{"ph":"i","name":"[memory]","pid":1,"tid":1,"ts":{},"args":{{"Device Type":1,)"
                           R"("Device Id":0,"Addr":{},"Bytes":{}}}}})",
                           ts, address, bytes);
    };
    const auto imported =
        importText(folder, object(change(1, 64, "4096") + "," + change(2, 64, "8192") + "," + change(3, -64, "4096") +
                                  "," + change(4, 64, "4096") + "," + change(5, -64, "\"8192\"")));
    const auto lives = bufferLives(*imported.trace, 0, MemoryTier::device);
    REQUIRE(lives);
    REQUIRE(lives->all().size() == 3);
    CHECK(lives->unnamed == 0);
    CHECK(imported.trace->name(lives->all()[0].name) == "0x1000");
    CHECK(lives->all()[0].end_ns - lives->all()[0].start_ns == 2000);
    CHECK(lives->all()[1].end_ns - lives->all()[1].start_ns == 3000);
    CHECK_FALSE(lives->all()[2].released());
}

TEST_CASE("several files are ranks of one run, wherever they say which") {
    const TemporaryFolder folder;
    const auto info = [](int rank) {
        return R"("distributedInfo": {"backend": "nccl", "rank": )" + std::to_string(rank) + R"(, "world_size": 4})";
    };
    const auto first = write(folder, "a.json", object(kernel("one", "10", "1"), info(3) + ", "));
    const auto second = write(folder, "b.json", object(kernel("two", "11", "1"), "", ", " + info(1)));
    const auto third = write(folder, "trace_rank2.json", object(kernel("three", "12", "1")));
    const auto fourth = write(folder, "d.json", object(kernel("four", "13", "1"), info(1) + ", "));
    const auto imported = importInto(folder, {first, second, third, fourth});
    const auto rankOf = [&](const char* name) {
        return imported.trace->lanes()[static_cast<size_t>(imported.named(name).at(0).lane)].rank;
    };
    CHECK(rankOf("one") == 3);
    CHECK(rankOf("two") == 1);
    CHECK(rankOf("three") == 2);
    CHECK(rankOf("four") == 0);
    CHECK(imported.warned("same_rank") == 1);
    CHECK(imported.warned("clocks_not_fitted") == 1);
    CHECK(imported.named("four").at(0).start_ns == 3000); // one clock
    CHECK(imported.summary.ranks == 4);
}

TEST_CASE("kernels belong to the step in which they were launched") {
    const TemporaryFolder folder;
    const auto step = [](int number, int ts) {
        return R"({"ph":"X","cat":"user_annotation","name":"ProfilerStep#)" + std::to_string(number) +
               R"(","pid":4037,"tid":4037,"ts":)" + std::to_string(ts) + R"(,"dur":100})";
    };
    const auto imported =
        importText(folder, object(step(4, 0) + "," + step(5, 100) + "," + call("launch", "90", "1", 8) + "," +
                                  kernel("late", "150", "1", 8) + "," + kernel("orphan", "150", "1", 9)));
    REQUIRE(imported.trace->steps().size() == 2);
    CHECK(imported.trace->steps()[0].step == 4);
    CHECK(imported.named("late").at(0).step == 4);
    CHECK(imported.named("orphan").at(0).step == 5);
    CHECK(imported.warned("unlinked_kernels") == 1);
}

TEST_CASE("what cannot be imported is refused in a sentence and leaves nothing") {
    const TemporaryFolder folder;
    using Catch::Matchers::Contains;
    CHECK_THAT(refusedImport(folder, folder / "nothing.json"), Contains("There is no file"));
    CHECK_THAT(refusedImport(folder, folder.path().string()), Contains("is a folder"));
    CHECK_THAT(refusedImport(folder, write(folder, "empty.json", "")), Contains("is empty"));
    CHECK_THAT(refusedImport(folder, write(folder, "notes.txt", "dear diary")),
               Contains("no trace that can be imported"));
    CHECK_THAT(refusedImport(folder, write(folder, "other.json", R"({"a": 1})")), Contains("no traceEvents"));
    CHECK_THAT(refusedImport(folder, write(folder, "none.json", R"({"traceEvents": []})")),
               Contains("holds no events"));
    CHECK_THAT(refusedImport(folder, write(folder, "open.json", "{ ")), Contains("no traceEvents"));
    CHECK_THAT(refusedImport(folder, write(folder, "noise.json", "{\"traceEvents\":[" + std::string(100, '{'))),
               Contains("holds no events"));
    const std::string source = write(folder, "good.json", object(kernel("k", "1", "1")));
    const auto into = [&](const std::string& destination) {
        const auto summary = importTrace(std::vector{source}, destination);
        return summary ? "" : summary.error().message;
    };
    CHECK_THAT(into(source), Contains("not a Shardscope trace"));
    CHECK_THAT(into(folder / "no/such.shardscope"), Contains("does not exist"));
    std::ifstream file(source);
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == object(kernel("k", "1", "1")));
    // Stopped while reading, and while writing.
    for (const auto stage : {ImportProgress::Stage::reading, ImportProgress::Stage::writing}) {
        std::string events;
        for (int i = 0; i < 70'000; ++i) events += kernel("k", std::to_string(i), "1") + (i < 69'999 ? "," : "");
        const auto stopped =
            importTrace(std::vector{write(folder, "long.json", object(events))}, folder / "stopped.shardscope", {},
                        [&](const ImportProgress& p) { return p.stage != stage; });
        REQUIRE_FALSE(stopped);
        CHECK_THAT(stopped.error().message, Contains("stopped"));
        CHECK_FALSE(std::filesystem::exists(folder / "stopped.shardscope"));
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        CHECK_THAT(entry.path().filename().string(), !Contains(".part-"));
}

TEST_CASE("names of hosts and users are copied only when asked for") {
    const TemporaryFolder folder;
    const std::string text =
        object(kernel("k", "1", "1"), R"("username": "someone_secret", "host_name": "node_secret", )");
    CHECK(importText(folder, text).trace->runValue("environment").empty());
    ImportOptions options;
    options.with_environment = true;
    const auto imported = importInto(folder, {folder / "trace.json"}, options);
    CHECK_THAT(imported.trace->runValue("environment"), Catch::Matchers::Contains("node_secret"));
}

TEST_CASE("ranks that a tool joined in one file are told apart by the text of their process numbers") {
    const TemporaryFolder folder;
    const auto joined = [](const std::string& prefix, const std::string& start) {
        const auto event = [&](const std::string& cat, const std::string& name, const std::string& process,
                               const std::string& ts, const std::string& args) {
            return R"({"ph":"X","cat":")" + cat + R"(","name":")" + name + R"(","pid":")" + prefix + process +
                   R"(","tid":1,"dur":2,"ts":)" + ts + R"(,"args":{)" + args + "}}";
        };
        return event("user_annotation", "ProfilerStep#3", "1234", start, "") + "," +
               event("cuda_runtime", "cudaLaunchKernel", "1234", start, R"("correlation":5)") + "," +
               event("kernel", "gemm", "0", start + "0", R"("stream":7,"device":0,"correlation":5)") + "," +
               event("Trace", "PyTorch Profiler (0)", "Spans", start, "");
    };
    const std::string note = R"({"ph":"X","cat":"Trace","name":"merged","pid":"Spans","tid":"x","ts":1,"dur":1})";
    for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
             {"rank1 ", "rank4 "}, {"[Rank 1] ", "[Rank 4] "}, {"rank_1:", "rank_4:"}}) {
        INFO(first);
        const auto imported = importText(folder, object(joined(first, "10") + "," + joined(second, "20") + "," + note));
        CHECK(imported.summary.ranks == 2);
        CHECK(imported.warned("ranks_in_one_file") == 1);
        CHECK(imported.warned("unlinked_kernels") == 0);
        const auto gemms = imported.named("gemm");
        REQUIRE(gemms.size() == 2);
        const auto rankOf = [&](size_t i) { return imported.trace->lanes()[static_cast<size_t>(gemms[i].lane)].rank; };
        CHECK(rankOf(0) == 1);
        CHECK(rankOf(1) == 4);
        // Each kernel was launched in the step of its own rank, though both have the same correlation id.
        CHECK(gemms[0].step == 3);
        CHECK(gemms[1].step == 3);
        CHECK(imported.named("merged").size() == 1);
    }
    // Two degrees of parallelism do not give a number, but they do give ranks.
    const auto grid = importText(folder, object(joined("[TP1-DP0] ", "10") + "," + joined("[TP1-DP1] ", "20")));
    CHECK(grid.summary.ranks == 2);
    CHECK(grid.trace->lanes()[static_cast<size_t>(grid.named("gemm").at(1).lane)].rank == 1);
    // Numbers alone cannot be told apart, so the sum is not silent.
    const auto shifted =
        importText(folder, object(kernel("a", "1", "1") +
                                  R"(,{"ph":"X","cat":"kernel","name":"b",)"
                                  R"("pid":100000,"tid":7,"ts":3,"dur":1,"args":{"stream":7,"device":0}})"));
    CHECK(shifted.summary.ranks == 1);
    CHECK(shifted.warned("mixed_processes") == 1);
}

TEST_CASE("threads that TensorFlow calls streams are streams") {
    const TemporaryFolder folder;
    const auto imported = importText(folder, R"x({"displayTimeUnit":"ns","traceEvents":[
        {"ph":"M","pid":1,"name":"process_name","args":{"name":"/device:GPU:3 (pid 1)"}},
        {"ph":"M","pid":1,"tid":2,"name":"thread_name","args":{"name":"Stream #14(Kernel)"}},
        {"ph":"M","pid":1,"tid":9,"name":"thread_name","args":{"name":"TensorFlow Ops"}},
        {"ph":"M","pid":701,"name":"process_name","args":{"name":"/host:CPU"}},
        {"ph":"X","pid":701,"tid":3,"ts":90,"dur":5,"name":"cuLaunchKernel","args":{"correlation_id":"12"}},
        {"ph":"X","pid":1,"tid":2,"ts":100.5,"dur":20,"name":"ampere_sgemm","args":{"correlation_id":"12"}},
        {"ph":"X","pid":1,"tid":9,"ts":100.5,"dur":20,"name":"MatMul","args":{}},{}]})x");
    const auto kernel = imported.named("ampere_sgemm").at(0);
    CHECK(kernel.op_class == OpClass::compute);
    CHECK(imported.trace->lanes()[static_cast<size_t>(kernel.lane)].name == "rank 0 GPU 3 stream 14");
    CHECK(imported.named("MatMul").at(0).op_class == OpClass::cpu_op);
    CHECK(imported.named("cuLaunchKernel").at(0).op_class == OpClass::api_call);
    CHECK(imported.warned("unlinked_kernels") == 0);
    CHECK(imported.warned("no_device_work") == 0);
}

TEST_CASE("a trace without work of a device says so, and one without events why") {
    const TemporaryFolder folder;
    CHECK(importText(folder, object(call("cudaLaunchKernel", "1", "1"))).warned("no_device_work") == 1);
    const std::string refused =
        refusedImport(folder, write(folder, "far.json",
                                    object(kernel("a", "9007199254740993", "1"), "\"baseTimeNanoseconds\": 1, ")));
    CHECK(refused.find("beyond 73 years were left out. (1x)") != std::string::npos);
}

TEST_CASE("a stream or thread for every event costs no more than the events") {
    const TemporaryFolder folder;
    std::string events;
    constexpr int count = 20'000;
    for (int i = 0; i < count; ++i)
        events += (i ? "," : "") + std::string(R"({"ph":"X","cat":"kernel","name":"k","pid":)") + std::to_string(i) +
                  R"(,"tid":1,"ts":)" + std::to_string(2 * i) + R"(,"dur":1,"args":{"stream":)" + std::to_string(i) +
                  R"(,"device":)" + std::to_string(i) + "}}";
    const auto imported = importText(folder, object(events));
    CHECK(imported.summary.events == count);
    CHECK(imported.warned("too_many_tracks") > 0);
    CHECK(imported.trace->lanes().size() < 9000);
    CHECK(budgetOf(imported.events([](const IntervalEvent&) { return true; })).compute == count * 1000);
}

TEST_CASE("a pair of surrogates survives the repair of others") {
    const TemporaryFolder folder;
    const auto imported = importText(folder, object(kernel("a\\ud800b \\ud83d\\ude00", "1", "1")));
    CHECK(imported
              .named("a\xef\xbf\xbd"
                     "b \xf0\x9f\x98\x80")
              .size() == 1);
    CHECK(imported.warned("repaired_escapes") == 1);
}
