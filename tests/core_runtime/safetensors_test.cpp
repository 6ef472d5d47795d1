// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/safetensors.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/temporary_folder.h"
#include <cstring>
#include <fstream>
#include <random>

using namespace shardscope;

namespace {

std::string write(const std::string& path, DType dtype, const std::vector<float>& a, const std::vector<float>& b) {
    Result<SafetensorsWriter> file = SafetensorsWriter::create(path, "the test");
    REQUIRE(file);
    const auto size = [](const std::vector<float>& v) { return static_cast<int64_t>(v.size()); };
    file->begin({{"a", {2, size(a) / 2}}, {"b", {size(b)}}}, dtype, {{"format", "pt"}});
    file->write(a);
    file->write(std::span(b).first(1)); // in pieces
    file->write(std::span(b).subspan(1));
    if (const auto done = file->publish(); !done) return done.error().message;
    return "";
}

std::string fileOf(const std::string& header, const std::string& data) {
    const uint64_t length = header.size();
    return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

} // namespace

TEST_CASE("safetensors: what is written is read back, rounded to the type of the file") {
    const TemporaryFolder folder(placeInMemory());
    const std::string path = folder / "x.safetensors";
    const std::vector<float> a = {1, -2, 0.1f, 3e-5f, 65504, -0.0f}, b = {7, 1.0f / 3};
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
        REQUIRE(write(path, dtype, a, b).empty());
        const Result<SafetensorsReader> file = SafetensorsReader::open(path);
        REQUIRE(file);
        CHECK(file->metadata() == SafetensorsMetadata{{"format", "pt"}});
        REQUIRE(file->tensors().size() == 2);
        const TensorInfo* tensor = file->find("a");
        REQUIRE(tensor);
        CHECK(tensor->shape == std::vector<int64_t>{2, 3});
        CHECK_FALSE(file->find("c"));
        std::vector<float> out(4);
        REQUIRE(file->read(*tensor, 2, out));
        for (size_t i = 0; i < out.size(); ++i) {
            const float v = a[i + 2];
            CHECK(out[i] == (dtype == DType::f32    ? v
                             : dtype == DType::bf16 ? static_cast<float>(bfloat16(v))
                                                    : static_cast<float>(float16(v))));
        }
        REQUIRE(file->read(*file->find("b"), 0, std::span(out).first(2)));
        CHECK(out[0] == 7);
    }
}

TEST_CASE("safetensors: an unpublished file leaves nothing, a folder that is missing is named") {
    const TemporaryFolder folder(placeInMemory());
    { REQUIRE(SafetensorsWriter::create(folder / "x", "the test")); }
    CHECK(std::filesystem::is_empty(folder.path()));
    const auto missing = SafetensorsWriter::create(folder / "no/x", "the test");
    REQUIRE_FALSE(missing);
    CHECK_THAT(missing.error().message, Contains("cannot write the test to"));
}

TEST_CASE("safetensors: hostile headers are refused in a sentence") {
    const TemporaryFolder folder(placeInMemory());
    const std::string path = folder / "hostile.safetensors";
    const auto refused = [&](const std::string& content) {
        std::ofstream(path, std::ios::binary) << content;
        const auto file = SafetensorsReader::open(path);
        REQUIRE_FALSE(file);
        CHECK_THAT(file.error().message, Contains(path));
        return file.error().message;
    };
    const std::string four = "abcd", eight = "abcdefgh";
    CHECK_THAT(refused(""), Contains("shorter than its first 8 bytes"));
    CHECK_THAT(refused(std::string(8, '\xff')), Contains("header claims"));
    CHECK_THAT(refused(fileOf("[]", "")), Contains("JSON object"));
    CHECK_THAT(refused(fileOf("{\"a\":", "")), Contains("JSON object"));
    CHECK_THAT(refused(fileOf(std::string(100000, '['), "")), Contains("JSON object"));
    CHECK_THAT(refused(fileOf(R"({"__metadata__":{"a":1}})", "")), Contains("__metadata__"));
    CHECK_THAT(refused(fileOf(R"({"__metadata__":[1]})", "")), Contains("__metadata__"));
    const std::string good = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    CHECK_THAT(refused(fileOf(good, "")), Contains("place inside the file"));
    CHECK_THAT(refused(fileOf(good, eight)), Contains("need 4 bytes and 8 are there"));
    CHECK_THAT(refused(fileOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)" + good.substr(1), four)),
               Contains("each named once"));
    CHECK_THAT(refused(fileOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                              R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                              four)),
               Contains("does not follow"));
    for (const std::string entry :
         {R"(7)", R"({})", R"({"dtype":"F31","shape":[1],"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})",
          R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0]})",
          R"({"dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,0]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]})"})
        CHECK_THAT(refused(fileOf(R"({"a":)" + entry + "}", four)), Contains("tensor \"a\""));
    std::filesystem::remove(path);
    CHECK_THAT(SafetensorsReader::open(folder.path().string()).error().message, Contains("not a file"));
    CHECK_THAT(SafetensorsReader::open(path).error().message, Contains("cannot read"));

    // The format's own types that cannot be weights are listed and not read.
    std::ofstream(path, std::ios::binary) << fileOf(R"({"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}})", four);
    const auto mask = SafetensorsReader::open(path);
    REQUIRE(mask);
    std::vector<float> out(4);
    CHECK_THAT(mask->read(mask->tensors()[0], 0, out).error().message, Contains("only F32, F16 and BF16"));
}

TEST_CASE("safetensors: any change to a file is refused or read as another good file, never worse") {
    const TemporaryFolder folder(placeInMemory());
    const std::string path = folder / "x.safetensors";
    REQUIRE(write(path, DType::f32, {1, 2, 3, 4}, {5, 6}).empty());
    std::ifstream in(path, std::ios::binary);
    const std::string good{std::istreambuf_iterator<char>(in), {}};
    std::mt19937 random(5);
    for (int trial = 0; trial < 2000; ++trial) {
        std::string content = good;
        for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits)
            content[random() % content.size()] = "0123456789{}[]\":,\xff"[random() % 18];
        if (random() % 4 == 0) content.resize(random() % content.size());
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
        const auto file = SafetensorsReader::open(path);
        if (!file) {
            CHECK_FALSE(file.error().message.empty());
            continue;
        }
        for (const TensorInfo& tensor : file->tensors()) {
            std::vector<float> out(static_cast<size_t>(tensor.elements));
            (void)file->read(tensor, 0, out);
        }
    }
}
