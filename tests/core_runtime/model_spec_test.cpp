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

TEST_CASE("the GPT-2 family has the published sizes") {
    const std::pair<const char*, int64_t> published[] = {{"gpt2-124m", 124'439'808},
                                                         {"gpt2-355m", 354'823'168},
                                                         {"gpt2-774m", 774'030'080},
                                                         {"gpt2-1.5b", 1'557'611'200}};
    for (const auto& [name, count] : published) {
        INFO(name);
        const auto model = findModel(name);
        REQUIRE(model);
        CHECK(parameterCount(*model) == count);
    }
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
        CHECK(names.size() == static_cast<size_t>(4 + 12 * model.layers));
        CHECK(model.channels % model.heads == 0);
        CHECK(names.count("transformer.wte.weight") == 1);
    }
    const auto tiny = parametersOf(*findModel("gpt2-tiny"));
    CHECK(tiny[4].name == "transformer.h.0.attn.c_attn.weight");
    CHECK(tiny[4].shape == std::vector<int64_t>{768, 256}); // [out, in]
    CHECK(tiny[0].layer == embedding_layer);
    CHECK(tiny.back().layer == 6);
    CHECK(tiny.back().role == ParameterRole::final_norm_bias);
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
    CHECK_THAT(refused("{"), Contains("line 1, column 2"));
    CHECK_FALSE(findModel("/nonexistent/model.json"));
}
