// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_spec.h"
#include "support/contains.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <set>
#include <unistd.h>

using namespace shardscope;

namespace {

struct ModelFile {
    std::string path = "model_spec_test_" + std::to_string(getpid()) + ".json";
    explicit ModelFile(const std::string& text) { std::ofstream(path) << text; }
    ~ModelFile() { std::remove(path.c_str()); }
};

std::string refused(const std::string& text) {
    const ModelFile file(text);
    const auto model = findModel(file.path);
    REQUIRE_FALSE(model);
    return model.error().message;
}

} // namespace

TEST_CASE("the built-in models have the published sizes") {
    const std::pair<const char*, int64_t> published[] = {
        {"gpt2-124m", 124'439'808},     {"gpt2-355m", 354'823'168},   {"gpt2-774m", 774'030'080},
        {"gpt2-1.5b", 1'557'611'200},   {"llama2-7b", 6'738'415'616}, {"llama2-13b", 13'015'864'320},
        {"llama2-70b", 68'976'648'192}, {"llama3-8b", 8'030'261'248}, {"llama3-70b", 70'553'706'496}};
    for (const auto& [name, count] : published) {
        INFO(name);
        const auto model = findModel(name);
        REQUIRE(model);
        CHECK(parameterCount(*model) == count);
    }
}

TEST_CASE("described models have the published sizes") {
    const auto count = [](const std::string& text) {
        const ModelFile file(text);
        const auto model = findModel(file.path);
        if (!model) FAIL(model.error().message);
        return parameterCount(*model);
    };
    const auto gpt = [&](int64_t channels, int64_t layers, int64_t vocabulary, int64_t heads) {
        return count(R"({"context": 2048, "layers": )" + std::to_string(layers) + R"(, "channels": )" +
                     std::to_string(channels) + R"(, "heads": )" + std::to_string(heads) + R"(, "vocabulary": )" +
                     std::to_string(vocabulary) + "}");
    };
    // MPT as llm-foundry lists it.
    CHECK(gpt(2560, 32, 50368, 20) == 2'651'837'440);
    CHECK(gpt(4096, 32, 50368, 32) == 6'658'859'008);
    CHECK(gpt(5120, 40, 50368, 40) == 12'853'954'560);
    CHECK(gpt(7168, 48, 50368, 56) == 29'975'214'080);
    CHECK(gpt(8192, 80, 50368, 64) == 64'862'437'376);
    // Narayanan et al. 2021, table 1, in billions. Its formula has no final norm, which is below the rounding.
    const auto billions = [](int64_t parameters) { return std::round(static_cast<double>(parameters) / 1e8) / 10; };
    CHECK(billions(gpt(6144, 40, 51200, 48)) == 18.4);
    CHECK(billions(gpt(10240, 60, 51200, 80)) == 76.1);
    CHECK(billions(gpt(16384, 96, 51200, 128)) == 310.1);
    CHECK(billions(gpt(25600, 128, 51200, 160)) == 1008.0);
    const auto llama = [&](int64_t channels, int64_t layers, int64_t heads, const std::string& more) {
        return count(R"({"family": "llama", "vocabulary": 32000, "context": 2048, "channels": )" +
                     std::to_string(channels) + R"(, "layers": )" + std::to_string(layers) + R"(, "heads": )" +
                     std::to_string(heads) + ", " + more + "}");
    };
    CHECK(llama(6656, 60, 52, R"("feed_forward": 17920)") == 32'528'943'616);                // LLaMA 33B
    CHECK(llama(8192, 80, 64, R"("feed_forward": 22016)") == 65'285'660'672);                // LLaMA 65B
    CHECK(llama(8192, 48, 64, R"("feed_forward": 22016, "kv_heads": 8)") == 33'743'970'304); // CodeLlama 34B
    CHECK(llama(4096, 32, 32, R"("feed_forward": 11008, "tied": true)") == 6'738'415'616 - 32000 * 4096);
}

TEST_CASE("the parameter list adds up, with unique names and shapes that match") {
    for (const ModelSpec& model : builtinModels()) {
        INFO(model.name);
        int64_t total = 0;
        std::set<std::string> names;
        for (const ParameterInfo& parameter : parametersOf(model)) {
            int64_t product = 1;
            for (const int64_t extent : parameter.shape) product *= extent;
            CHECK(product == parameter.elements);
            total += parameter.elements;
            CHECK(names.insert(parameter.name).second);
        }
        CHECK(total == parameterCount(model));
        const bool gpt2 = model.family == ModelFamily::gpt2;
        CHECK(names.size() == static_cast<size_t>(gpt2 ? 4 + 12 * model.layers : 3 + 6 * model.layers));
        CHECK_FALSE(findMistake(model));
        CHECK(names.count(gpt2 ? "transformer.wte.weight" : "lm_head.weight") == 1);
    }
    const auto tiny = parametersOf(*findModel("gpt2-tiny"));
    CHECK(tiny[4].name == "transformer.h.0.attn.c_attn.weight");
    CHECK(tiny[4].shape == std::vector<int64_t>{768, 256}); // [out, in]
    CHECK(tiny[0].layer == embedding_layer);
    CHECK(tiny.back().layer == 6);
    CHECK(tiny.back().role == ParameterRole::final_norm_bias);
    const auto grouped = parametersOf(*findModel("llama2-70b"));
    CHECK(grouped[2].name == "model.layers.0.self_attn.qkv_proj.weight");
    CHECK(grouped[2].shape == std::vector<int64_t>{(64 + 8 + 8) * 128, 8192});
    CHECK(grouped[5].name == "model.layers.0.mlp.gate_up_proj.weight");
    CHECK(grouped[5].shape == std::vector<int64_t>{2 * 28672, 8192});
    CHECK(grouped.back().layer == 80);
    CHECK(grouped.back().role == ParameterRole::head_weight);
}

TEST_CASE("initial values do not depend on how the range is cut") {
    const auto parameters = parametersOf(*findModel("gpt2-tiny"));
    const ParameterInfo& weight = parameters[4];
    std::vector<float> whole(1001);
    initialValues(weight, 4, 7, 0, whole);
    for (const size_t cut : {size_t{1}, size_t{2}, size_t{333}, size_t{1000}}) {
        std::vector<float> parts(whole.size());
        for (size_t at = 0; at < parts.size(); at += cut)
            initialValues(weight, 4, 7, static_cast<int64_t>(at),
                          std::span(parts).subspan(at, std::min(cut, parts.size() - at)));
        CHECK(parts == whole);
    }
    std::vector<float> other(whole.size());
    initialValues(weight, 4, 8, 0, other);
    CHECK(other != whole);
    initialValues(weight, 5, 7, 0, other);
    CHECK(other != whole);
}

TEST_CASE("initial values are normal with GPT-2's deviations") {
    const auto parameters = parametersOf(*findModel("gpt2-tiny"));
    for (const ParameterInfo& parameter : parameters) {
        INFO(parameter.name);
        std::vector<float> values(static_cast<size_t>(std::min<int64_t>(parameter.elements, 50'000)));
        initialValues(parameter, 3, 1, 0, values);
        if (parameter.init_std == 0) {
            const bool is_norm_weight =
                parameter.name.find("ln_") != std::string::npos && parameter.name.ends_with("weight");
            CHECK(std::all_of(values.begin(), values.end(),
                              [&](float v) { return v == (is_norm_weight ? 1.0f : 0.0f); }));
            continue;
        }
        const bool residual = parameter.name.ends_with("c_proj.weight");
        const double expected = residual ? 0.02 / std::sqrt(12.0) : 0.02;
        double sum = 0, squares = 0, fourth = 0;
        for (const float value : values) {
            const double z = value / expected;
            sum += z, squares += z * z, fourth += z * z * z * z;
        }
        const auto n = static_cast<double>(values.size());
        CHECK(std::abs(sum / n) < 5 / std::sqrt(n));               // standard error 1/sqrt(n)
        CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2.0 / n)); // of the variance
        CHECK(std::abs(fourth / n - 3) < 5 * std::sqrt(96.0 / n)); // of the fourth moment: it is a normal distribution
    }
}

TEST_CASE("unknown models name the nearest and list all") {
    const auto model = findModel("gpt-124m");
    REQUIRE_FALSE(model);
    CHECK_THAT(model.error().message,
               Contains("did you mean gpt2-124m?") && Contains("gpt2-tiny") && Contains("gpt2-1.5b"));
}

TEST_CASE("a model can come from a JSON file") {
    const ModelFile file(
        R"({"name": "mine", "layers": 2, "channels": 64, "heads": 4, "vocabulary": 256, "context": 32})");
    const auto model = findModel(file.path);
    REQUIRE(model);
    CHECK(*model == ModelSpec{"mine", 2, 64, 4, 256, 32});
}

TEST_CASE("a model file's mistakes are named") {
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 5, "vocabulary": 256, "context": 32})"),
               Contains("heads is 5, which does not divide channels 64"));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "vocabulary": 100, "context": 32})"),
               Contains("vocabulary is 100"));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "context": 32})"),
               Contains("vocabulary is missing"));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "vocabulary": 256, "contxt": 32, "context": 3})"),
               Contains("did you mean context?"));
    CHECK_THAT(refused(R"({"layers": 1e6, "channels": 64, "heads": 4, "vocabulary": 256, "context": 32})"),
               Contains("layers is 1000000"));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "vocabulary": 256, "context": 32, "dropout": 1})"),
               Contains("dropout is 1;"));
    CHECK_THAT(refused("{"), Contains("line 1, column 2"));
    CHECK_FALSE(findModel("/nonexistent/model.json"));
    const std::string llama = R"({"family": "llama", "layers": 2, "channels": 64, "vocabulary": 256, "context": 32, )";
    CHECK_THAT(refused(llama + R"("heads": 4})"), Contains("feed_forward is missing"));
    CHECK_THAT(refused(llama + R"("heads": 4, "kv_heads": 3, "feed_forward": 96})"),
               Contains("kv_heads is 3, which does not divide heads 4"));
    CHECK_THAT(refused(llama + R"("heads": 64, "feed_forward": 96})"), Contains("leaves 1 channels per head"));
    CHECK_THAT(refused(llama + R"("heads": 4, "feed_forward": 96, "rope_theta": 0})"), Contains("rope_theta is 0"));
    CHECK_THAT(refused(R"({"family": "bert"})"), Contains("family is \"bert\"; write \"gpt2\" or \"llama\""));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "vocabulary": 256, "context": 32, "kv_heads": 2})"),
               Contains("kv_heads is for llama models"));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "vocabulary": 256, "context": 32, "tile_out": 5})"),
               Contains("tile_out is 5, which does not divide the 192 outputs of a linear layer"));
    CHECK_THAT(refused(R"({"layers": 2, "channels": 64, "heads": 4, "vocabulary": 256, "context": 32, "tile_in": 5})"),
               Contains("tile_in is 5, which does not divide the 64 inputs"));
}

TEST_CASE("a model can come from Hugging Face's config.json") {
    const ModelFile gpt2(R"({
        "activation_function": "gelu_new", "attn_pdrop": 0.1, "embd_pdrop": 0.1, "resid_pdrop": 0.1, "architectures": ["GPT2LMHeadModel"], "bos_token_id": 50256,
        "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12,
        "n_inner": null, "n_positions": 1024, "task_specific_params": {"text-generation": {"max_length": 50}},
        "vocab_size": 50257})");
    auto model = findModel(gpt2.path);
    REQUIRE(model);
    CHECK(parameterCount(*model) == 124'439'808);
    CHECK(model->name == gpt2.path);
    CHECK(model->dropout == 0.1f);
    REQUIRE(noticesOf(*model).size() == 1);
    CHECK_THAT(noticesOf(*model)[0], Contains("attn_pdrop"));
    CHECK(model->tied);

    const std::string rest = R"("hidden_act": "silu", "hidden_size": 8192, "intermediate_size": 28672,
        "max_position_embeddings": 4096, "model_type": "llama", "num_attention_heads": 64, "num_hidden_layers": 80,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "torch_dtype": "float16", "use_cache": true,
        "vocab_size": 32000, )";
    const ModelFile llama("{" + rest + R"("rope_scaling": null, "tie_word_embeddings": false})");
    model = findModel(llama.path);
    REQUIRE(model);
    ModelSpec expected = *findModel("llama2-70b");
    expected.name = llama.path;
    CHECK(*model == expected);
    const ModelFile newer("{" + rest + R"("rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}})");
    model = findModel(newer.path);
    REQUIRE(model);
    CHECK(model->rope_theta == 500000);
    CHECK_FALSE(model->tied);

    CHECK_THAT(refused("{" + rest + R"("rope_scaling": {"type": "linear", "factor": 2.0}})"),
               Contains("rope_scaling is") && Contains("write null"));
    CHECK_THAT(refused("{" + rest + R"("attention_bias": true})"), Contains("attention_bias is true"));
    CHECK_THAT(refused("{" + rest + R"("head_dim": 64})"), Contains("head_dim is 64"));
    CHECK_THAT(refused(R"({"model_type": "gpt2", "n_embd": 64, "n_head": 5, "n_layer": 1, "n_positions": 8,
                           "vocab_size": 256})"),
               Contains("n_head is 5, which does not divide n_embd 64"));
    CHECK_THAT(refused(R"({"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 1, "vocab_size": 256})"),
               Contains("n_positions is missing"));
    CHECK_THAT(refused(R"({"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 1, "n_positions": 8,
                           "vocab_size": 256, "embd_pdrop": 0.2, "resid_pdrop": 0.1})"),
               Contains("embd_pdrop is not resid_pdrop"));
    CHECK_THAT(refused(R"({"model_type": "mistral", "hidden_size": 64})"), Contains("model_type is \"mistral\""));
    CHECK_THAT(refused(R"({"hidden_size": 64, "vocab_size": 256})"), Contains("model_type is missing"));
}
