// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/corpus.h"
#include "core_runtime/dataset.h"
#include "support/contains.h"
#include <cstdio>
#include <fstream>
#include <set>
#include <unistd.h>

using namespace shardscope;

namespace {

struct Batch {
    std::vector<int32_t> ids, targets;
    bool operator==(const Batch&) const = default;
};

Batch take(const Dataset& data, int64_t step, int64_t first, int64_t samples, int64_t of, int64_t sequence,
           uint64_t seed = 1) {
    Batch batch;
    batch.ids.resize(static_cast<size_t>(samples * sequence));
    batch.targets.resize(batch.ids.size());
    data.batch(step, first, samples, of, sequence, seed, batch.ids, batch.targets);
    return batch;
}

} // namespace

TEST_CASE("ranks together see what one rank with the whole batch sees") {
    const auto data = Dataset::open("");
    REQUIRE(data);
    const Batch whole = take(*data, 3, 0, 8, 8, 16);
    for (const int64_t ranks : {2, 4, 8}) {
        Batch joined;
        for (int64_t rank = 0; rank < ranks; ++rank) {
            const Batch part = take(*data, 3, rank * 8 / ranks, 8 / ranks, 8, 16);
            joined.ids.insert(joined.ids.end(), part.ids.begin(), part.ids.end());
            joined.targets.insert(joined.targets.end(), part.targets.begin(), part.targets.end());
        }
        CHECK(joined == whole);
    }
}

TEST_CASE("samples depend on step, place and seed") {
    const auto data = Dataset::open("");
    REQUIRE(data);
    std::set<std::vector<int32_t>> seen;
    for (int64_t step = 0; step < 4; ++step)
        for (int64_t sample = 0; sample < 4; ++sample) seen.insert(take(*data, step, sample, 1, 4, 64).ids);
    CHECK(seen.size() == 16);
    CHECK(take(*data, 0, 0, 4, 4, 64, 1) != take(*data, 0, 0, 4, 4, 64, 2));
}

TEST_CASE("targets are the following bytes, also across the end of the text") {
    const Dataset data = Dataset::fromText("abc\xff", "small");
    const std::string text = "abc\xff";
    const Batch batch = take(data, 0, 0, 5, 5, 11); // longer than the text
    for (size_t i = 0; i < batch.ids.size(); ++i) {
        CHECK((batch.ids[i] >= 0 && batch.ids[i] < 256));
        const size_t at = text.find(static_cast<char>(batch.ids[i]));
        REQUIRE(at != std::string::npos);
        CHECK(batch.targets[i] == static_cast<unsigned char>(text[(at + 1) % text.size()]));
        if (i % 11 != 10) CHECK(batch.ids[i + 1] == batch.targets[i]);
    }
}

TEST_CASE("the built-in corpus is some kilobytes of text") {
    CHECK(builtinCorpus().size() > 8192);
    CHECK(builtinCorpus().find("ZeRO") != std::string_view::npos);
    CHECK(builtinCorpus().find('\0') == std::string_view::npos);
}

TEST_CASE("data files") {
    const std::string path = "dataset_test_" + std::to_string(getpid()) + ".bin";
    std::ofstream(path, std::ios::binary) << "x";
    const auto one_byte = Dataset::open(path);
    REQUIRE_FALSE(one_byte);
    CHECK_THAT(one_byte.error().message, Contains("at least 2 are needed"));
    std::ofstream(path, std::ios::binary) << std::string("\0\xff", 2);
    const auto two = Dataset::open(path);
    std::remove(path.c_str());
    REQUIRE(two);
    CHECK(two->size() == 2);
    CHECK(two->name() == path);
    CHECK_FALSE(Dataset::open("/nonexistent/text"));
    CHECK_FALSE(Dataset::open("/tmp"));
}
