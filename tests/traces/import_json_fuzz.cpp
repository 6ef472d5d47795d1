// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, importing them as Chrome JSON ends in a trace that can be read or in a sentence.
#include "profiler/analysis/summary.h"
#include "support/fuzz_target.h"
#include "support/temporary_folder.h"
#include "traces/importers/import.h"
#include "traces/trace_reader.h"
#include <zlib.h>

using namespace shardscope;

namespace {

struct Paths {
    TemporaryFolder folder;
    std::string source = folder / "input", trace = folder / "result.shardscope";
};

std::string compressed(const std::string& text) {
    std::string out(compressBound(static_cast<uLong>(text.size())) + 64, '\0');
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

} // namespace

namespace shardscope::fuzz {

std::vector<std::string> seeds() {
    std::vector<std::string> all = {
        R"({"schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "GPU"}], "traceEvents": [
{"ph": "X", "cat": "kernel", "name": "gemm", "pid": 0, "tid": 7, "ts": 1712195495521131.125, "dur": 3.5, "args": {"stream": 7, "correlation": 4, "device": 0, "External id": 9}},
{"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 40, "tid": 41, "ts": 1712195495521130, "dur": 1, "args": {"correlation": 4}},
{"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#3", "pid": 40, "tid": 41, "ts": 1712195495521100, "dur": 100},
{"ph": "X", "cat": "kernel", "name": "ncclDevKernel_AllReduce", "pid": 0, "tid": 8, "ts": "1712195495521133", "dur": "5", "args": {"stream": 8, "correlation": 5, "Collective name": "allreduce", "In msg nelems": 100, "Out msg nelems": 100, "dtype": "Float", "Group size": 2, "Process Group Name": "0", "Process Group Ranks": "[0, 1]"}},
{"ph": "i", "name": "[memory]", "pid": 40, "tid": 41, "ts": 1712195495521131, "s": "t", "args": {"Device Type": 1, "Device Id": 0, "Addr": 1, "Bytes": 512, "Total Allocated": 1024}},
{"ph": "M", "name": "thread_name", "pid": 40, "tid": 41, "args": {"name": "main"}}
], "distributedInfo": {"backend": "nccl", "rank": 1, "world_size": 2}, "baseTimeNanoseconds": 1700000000000000000, "traceName": "C:\\x"})",
        R"([{"ph":"B","name":"a","pid":1,"tid":1,"ts":0},{"ph":"E","pid":1,"tid":1,"ts":5.25},{"ph":"b","cat":"c","id":"0x1","name":"n","pid":1,"ts":1},
{"ph":"e","cat":"c","id":"0x1","name":"n","pid":1,"ts":4},{"ph":"C","name":"m","pid":1,"ts":3,"args":{"x":1,"y":2.5e3}},{"ph":"s","id":1,"ts":1,"name":"f"},
{"name":"\u00e9\ud83d\ude00\n","ph":"X","pid":1,"tid":"t","ts":1e3,"dur":0,"args":{"deep":[[{"a":[1,{"b":null}]}]],"w":N/A}}])"};
    all.push_back(compressed(all[0]));
    return all;
}

std::string mutated(const std::string& input, const std::vector<std::string>& corpus, Random& random) {
    static const std::vector<std::string> words = {"\"ph\":\"X\"",
                                                   "\"args\":{",
                                                   "\"traceEvents\":[",
                                                   "\"ts\":1e30",
                                                   "\"dur\":-1",
                                                   "null",
                                                   "NaN",
                                                   "N/A",
                                                   "\\u",
                                                   "\\",
                                                   "\"",
                                                   "},{\"ph\":",
                                                   "]}",
                                                   "[[[[[[[[[[[[[[[[",
                                                   "{\"a\":{\"a\":{\"a\":",
                                                   "\"stream\":99999999999999999999",
                                                   "9223372036854775807",
                                                   "-9223372036854775808",
                                                   "\xff\xfe",
                                                   "\"ph\":\"B\"",
                                                   "\"ph\":\"E\"",
                                                   "\"ts\":9223372036854775",
                                                   "\x1f\x8b"};
    return mutatedText(input, corpus, words, random);
}

void tryInput(const std::string& input) {
    static const Paths paths;
    std::ofstream(paths.source, std::ios::binary).write(input.data(), static_cast<std::streamsize>(input.size()));
    const auto summary = importTrace(std::vector{paths.source}, paths.trace);
    if (!summary) {
        if (summary.error().message.empty()) std::abort();
        return;
    }
    const auto reader = TraceReader::open(paths.trace);
    if (!reader || (*reader)->eventCount() != summary->events) std::abort(); // we wrote it: it must be sound
    for (const WarningEvent& warning : (*reader)->warnings())
        if (warning.kind.starts_with("damaged") || warning.kind == "invalid_rows") std::abort();
    (void)summarize(**reader);
    (void)(*reader)->counters();
}

} // namespace shardscope::fuzz
