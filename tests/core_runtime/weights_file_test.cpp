// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/weights_file.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/temporary_folder.h"
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace shardscope;

namespace {

std::vector<std::vector<float>> someWeights(const ModelSpec& model) {
    std::vector<std::vector<float>> weights;
    for (const ParameterInfo& parameter : parametersOf(model)) {
        ParameterInfo random = parameter;
        random.init_std = 0.5f;
        weights.emplace_back(static_cast<size_t>(parameter.elements));
        initialValues(random, static_cast<int64_t>(weights.size()), 3, 0, weights.back());
    }
    return weights;
}

void save(const std::string& path, const ModelSpec& model, DType dtype,
          const std::vector<std::vector<float>>& weights) {
    Result<SafetensorsWriter> file = SafetensorsWriter::create(path, "the test");
    REQUIRE(file);
    REQUIRE(writeWeights(*file, model, dtype, {{"format", "pt"}}, [&](int32_t p, std::span<float> out) -> Result<void> {
        std::ranges::copy(weights[static_cast<size_t>(p)], out.begin());
        return {};
    }));
}

// The tensors of an F32 file, parsed by hand.
struct Tensor {
    std::vector<int64_t> shape;
    std::vector<float> values;
};
std::map<std::string, Tensor> parsed(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::string file((std::istreambuf_iterator<char>(stream)), {});
    uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    std::map<std::string, Tensor> tensors;
    const auto header = nlohmann::json::parse(file.substr(8, length));
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        const auto first = entry["data_offsets"][0].get<size_t>(), end = entry["data_offsets"][1].get<size_t>();
        Tensor& tensor = tensors[name];
        tensor.shape = entry["shape"].get<std::vector<int64_t>>();
        tensor.values.resize((end - first) / 4);
        std::memcpy(tensor.values.data(), file.data() + 8 + length + first, end - first);
    }
    return tensors;
}

// Writes tensors by hand, with what `change` did to them.
std::string refusal(const ModelSpec& model, const std::function<void(std::map<std::string, Tensor>&)>& change) {
    const TemporaryFolder folder;
    save(folder / "good.safetensors", model, DType::f32, someWeights(model));
    std::map<std::string, Tensor> tensors = parsed(folder / "good.safetensors");
    change(tensors);
    Result<SafetensorsWriter> file = SafetensorsWriter::create(folder / "changed.safetensors", "the test");
    REQUIRE(file);
    std::vector<SafetensorsWriter::Tensor> declared;
    for (const auto& [name, tensor] : tensors) declared.push_back({name, tensor.shape});
    file->begin(declared, DType::f32, {});
    for (const auto& [name, tensor] : tensors) file->write(tensor.values);
    REQUIRE(file->publish());
    const auto reader = WeightsReader::open(folder / "changed.safetensors", model);
    return reader ? "" : reader.error().message;
}

} // namespace

TEST_CASE("LLaMA's weights are written with Hugging Face's names and rows") {
    const TemporaryFolder folder;
    const ModelSpec model = test::smallLlama(); // 24 channels, 4 heads, 2 key heads, feed-forward 40
    const auto weights = someWeights(model);
    save(folder / "w.safetensors", model, DType::f32, weights);
    const auto tensors = parsed(folder / "w.safetensors");
    std::map<std::string, std::vector<int64_t>> expected = {
        {"model.embed_tokens.weight", {256, 24}}, {"model.norm.weight", {24}}, {"lm_head.weight", {256, 24}}};
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
        expected[layer + "input_layernorm.weight"] = {24};
        expected[layer + "self_attn.q_proj.weight"] = {24, 24};
        expected[layer + "self_attn.k_proj.weight"] = {12, 24};
        expected[layer + "self_attn.v_proj.weight"] = {12, 24};
        expected[layer + "self_attn.o_proj.weight"] = {24, 24};
        expected[layer + "post_attention_layernorm.weight"] = {24};
        expected[layer + "mlp.gate_proj.weight"] = {40, 24};
        expected[layer + "mlp.up_proj.weight"] = {40, 24};
        expected[layer + "mlp.down_proj.weight"] = {24, 40};
    }
    std::map<std::string, std::vector<int64_t>> shapes;
    for (const auto& [name, tensor] : tensors) shapes[name] = tensor.shape;
    CHECK(shapes == expected);

    const auto rows = [&](size_t parameter, int64_t first, int64_t count) {
        const auto start = weights[parameter].begin() + first * 24;
        return std::vector<float>(start, start + count * 24);
    };
    const std::string layer = "model.layers.1.";
    const size_t qkv = 1 + 6 + 1, up = 1 + 6 + 4; // definition order: embedding, six of block 0, then of block 1
    CHECK(tensors.at(layer + "self_attn.q_proj.weight").values == rows(qkv, 0, 24));
    CHECK(tensors.at(layer + "self_attn.k_proj.weight").values == rows(qkv, 24, 12));
    CHECK(tensors.at(layer + "self_attn.v_proj.weight").values == rows(qkv, 36, 12));
    CHECK(tensors.at(layer + "mlp.gate_proj.weight").values == rows(up, 0, 40));
    CHECK(tensors.at(layer + "mlp.up_proj.weight").values == rows(up, 40, 40));
    CHECK(tensors.at(layer + "mlp.down_proj.weight").values == weights[up + 1]);
}

TEST_CASE("weights are read back as they were written") {
    const TemporaryFolder folder;
    const std::string path = folder / "w.safetensors";
    ModelSpec untied = test::smallModel(), tied = test::smallLlama();
    untied.tied = false;
    untied.feed_forward = 40;
    tied.tied = true;
    for (const ModelSpec& model : {test::smallModel(), untied, test::smallLlama(), tied})
        for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
            const auto weights = someWeights(model);
            save(path, model, dtype, weights);
            Result<WeightsReader> reader = WeightsReader::open(path, model);
            if (!reader) FAIL(reader.error().message);
            for (size_t p = 0; p < weights.size(); ++p) {
                std::vector<float> expected = weights[p], values(expected.size());
                for (float& v : expected)
                    v = dtype == DType::f32    ? v
                        : dtype == DType::bf16 ? static_cast<float>(bfloat16(v))
                                               : static_cast<float>(float16(v));
                const size_t cut = values.size() / 3;
                REQUIRE(
                    reader->read(static_cast<int32_t>(p), static_cast<int64_t>(cut), std::span(values).subspan(cut)));
                REQUIRE(reader->read(static_cast<int32_t>(p), 0, std::span(values).first(cut)));
                CHECK(values == expected);
            }
        }
}

TEST_CASE("a run that starts from saved weights is the run that starts from them in memory") {
    const TemporaryFolder folder;
    for (const ModelSpec& model : {test::smallModel(), test::smallLlama()}) {
        const auto weights = someWeights(model);
        save(folder / "w.safetensors", model, DType::f32, weights);
        for (const int stage : {0, 3}) {
            TrainingRequest request = test::requestOf({.stage = stage, .reduce_bucket = 2000}, 2, 2, model);
            request.initial_weights = [&](int32_t p, int64_t first, std::span<float> out) -> Result<void> {
                std::copy_n(weights[static_cast<size_t>(p)].begin() + first, out.size(), out.begin());
                return {};
            };
            const auto expected = train(request, nullptr, [] {});
            auto reader = WeightsReader::open(folder / "w.safetensors", model);
            REQUIRE(reader);
            request.initial_weights = [&](int32_t p, int64_t first, std::span<float> out) {
                return reader->read(p, first, out);
            };
            const auto got = train(request, nullptr, [] {});
            REQUIRE((expected && got));
            CHECK(got->losses == expected->losses);
            CHECK(got->weights == expected->weights);
        }
    }
}

TEST_CASE("weights of another model are refused by the tensor that does not fit") {
    const ModelSpec llama = test::smallLlama(), gpt2 = test::smallModel();
    CHECK(refusal(llama, [](auto&) {}).empty());
    CHECK_THAT(refusal(llama, [](auto& t) { t.erase("model.layers.1.mlp.up_proj.weight"); }),
               Contains("model.layers.1.mlp.up_proj.weight is missing") && Contains("test llama"));
    CHECK_THAT(refusal(llama,
                       [](auto& t) {
                           t["model.layers.2.mlp.up_proj.weight"] = {{1}, {0}};
                       }),
               Contains("model.layers.2.mlp.up_proj.weight") && Contains("is no part of it"));
    CHECK_THAT(refusal(llama,
                       [](auto& t) {
                           t["model.layers.0.self_attn.k_proj.weight"].shape = {24, 12};
                       }),
               Contains("k_proj.weight is [24, 12] and not [12, 24]"));
    CHECK_THAT(refusal(gpt2, [](auto& t) { t["lm_head.weight"] = t["transformer.wte.weight"]; }),
               Contains("lm_head.weight") && Contains("tied"));
    // What Hugging Face's own files do: no prefix, and the causal mask beside the weights.
    CHECK(refusal(gpt2, [](auto& t) {
              std::map<std::string, Tensor> bare;
              for (auto& [name, tensor] : t) bare[name.substr(std::string("transformer.").size())] = tensor;
              bare["h.0.attn.bias"] = {{1, 1, 1, 1}, {1}};
              t = bare;
          }).empty());

    const TemporaryFolder folder;
    save(folder / "gpt2.safetensors", gpt2, DType::f32, someWeights(gpt2));
    CHECK_FALSE(WeightsReader::open(folder / "gpt2.safetensors", llama));
    CHECK_FALSE(WeightsReader::open(folder / "nowhere.safetensors", llama));
    const std::string header =
        R"({"transformer.wte.weight":{"dtype":"I64","shape":[256,24],"data_offsets":[0,49152]}})";
    const uint64_t length = header.size();
    std::ofstream(folder / "i64.safetensors", std::ios::binary)
        << std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(49152, '\0');
    CHECK_THAT(WeightsReader::open(folder / "i64.safetensors", gpt2).error().message,
               Contains("is I64") && Contains("convert"));
}
