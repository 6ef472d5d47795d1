// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON as text: one key changes, every other character stays, however the text is written.
#include "core_runtime/config_json.h"
#include "core_runtime/config_text.h"
#include "gui/config_document.h"
#include "gui/config_text.h"
#include "support/catch.h"
#include <random>

namespace shardscope::gui {
namespace {

using Ordered = nlohmann::ordered_json;

Ordered meaning(const std::string& text) { return Ordered::parse(strictJson(text), nullptr, false); }

// What a dictionary would make of the same change.
void set(Ordered& node, const std::string& path, const Ordered& value) {
    const size_t dot = path.find('.');
    if (!node.is_object()) node = Ordered::object();
    if (dot == std::string::npos)
        node[path] = value;
    else
        set(node[path.substr(0, dot)], path.substr(dot + 1), value);
}

constexpr const char* wild = R"(// from a cluster, do not tidy
{
	"train_batch_size" : 32 ,   # samples
	/* "fp16": { "enabled": true }, */
	"zero_optimization": { "stage": 2, // was 3
		"reduce_bucket_size":5e8, "offload_optimizer": {
			"device": "none" /* cpu is slower */
		},
	},
	"wandb": {"enabled": false, "team": "a \"quoted\" {team} // no comment"},
	"note": "käse ☕", }
)";

// Documents as people write them, from a seed.
class Writer {
public:
    explicit Writer(uint32_t seed)
        : m_random(seed)
        , m_lines(pick(2) == 0)
        , m_newline(pick(5) == 0 ? "\r\n" : "\n") {}
    std::string document() { return noise() + object(0, "") + noise(); }
    std::vector<std::string> paths; // of its values
    size_t pick(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(m_random); }

private:
    std::string noise() {
        switch (pick(m_lines ? 8 : 12)) {
        case 0:
            return " /* a comment, " + std::to_string(m_comments++) + " \"not\": {} */ ";
        case 1:
            return "  // comment " + std::to_string(m_comments++) + " }" + m_newline;
        case 2:
            return "# comment " + std::to_string(m_comments++) + m_newline;
        case 3:
            return "\t";
        case 4:
            return m_newline + "  " + m_newline;
        case 5:
            return " /* over" + m_newline + "two lines " + std::to_string(m_comments++) + " */";
        default:
            return pick(2) ? " " : "";
        }
    }
    std::string value() {
        constexpr const char* values[] = {
            "1", "5e8", "-0.25", "true", "null", "\"auto\"", "\"a \\\" # // b\"", "[0.9, 0.95]", "[{\"a\": 1}, [] ]"};
        return values[pick(std::size(values))];
    }
    std::string object(int depth, const std::string& prefix) {
        constexpr const char* names[] = {"a", "b", "c", "d", "e"};
        std::string text = "{";
        const size_t members = pick(5);
        const std::string indent(static_cast<size_t>(2 * depth + 2), ' ');
        for (size_t i = 0; i < members; ++i) {
            const std::string path = prefix + names[i];
            text += noise() + (m_lines ? m_newline + indent : "") + "\"" + names[i] + "\"" + noise() + ":" + noise();
            if (depth < 3 && pick(3) == 0) {
                text += object(depth + 1, path + ".");
            } else {
                text += value();
                paths.push_back(path);
            }
            text += noise();
            if (i + 1 < members || pick(4) == 0) text += ",";
        }
        return text + noise() + (m_lines ? m_newline + indent.substr(2) : "") + "}";
    }
    std::mt19937 m_random;
    bool m_lines;
    std::string m_newline;
    int m_comments = 0;
};

// All that stands in comments, without blanks; commas may be ours.
std::string comments(const std::string& text) {
    const std::string strict = strictJson(text);
    std::string found;
    for (size_t i = 0; i < text.size(); ++i)
        if (text[i] != strict[i] && text[i] != ',') found += text[i];
    return found;
}

} // namespace

TEST_CASE("a value is replaced where it stands and nothing else moves") {
    std::string expected = wild;
    expected.replace(expected.find("5e8"), 3, "700000");
    CHECK(withConfigValue(wild, "zero_optimization.reduce_bucket_size", "700000") == expected);
    expected = wild;
    expected.replace(expected.find("\"none\""), 6, "\"nvme\"");
    CHECK(withConfigValue(wild, "zero_optimization.offload_optimizer.device", "nvme") == expected);
    CHECK(configValue(wild, "zero_optimization.reduce_bucket_size") == "5e8");
    CHECK(configValue(wild, "note") == "käse ☕");
    CHECK(configValue(wild, "wandb.team") == "a \"quoted\" {team} // no comment");
    CHECK_FALSE(configValue(wild, "fp16.enabled")); // it is in a comment
}

TEST_CASE("a key is added behind the last one, in the manner of its neighbours") {
    CHECK(withConfigValue("{\n  \"a\": 1, // first\n  \"b\": 2 // last\n}", "c", "3") ==
          "{\n  \"a\": 1, // first\n  \"b\": 2, // last\n  \"c\": 3\n}");
    CHECK(withConfigValue(R"({"a": 1, "b": {"c": 2}})", "b.d", "3") == R"({"a": 1, "b": {"c": 2, "d": 3}})");
    CHECK(withConfigValue("{\n    \"a\": 1,\n}\n", "b.c", "true") ==
          "{\n    \"a\": 1,\n    \"b\": {\n      \"c\": true\n    },\n}\n");
    CHECK(withConfigValue("{}", "a", "1") == "{\n  \"a\": 1\n}");
    CHECK(withConfigValue("{\n  // nothing yet\n}", "a", "1") == "{\n  \"a\": 1\n  // nothing yet\n}");
    CHECK(withConfigValue("{ \"s\": {} }", "s.a", "1") == "{ \"s\": {\"a\": 1} }");
    CHECK(withConfigValue("{\r\n  \"a\": 1\r\n}", "b", "2") == "{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}");
    CHECK(withConfigValue("{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}", "a.c.d", "2") ==
          "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"c\": {\n\t\t\t\"d\": 2\n\t\t}\n\t}\n}");
    CHECK(withConfigValue(R"({"zero_optimization": true})", "zero_optimization.stage", "3") ==
          R"({"zero_optimization": {"stage": 3}})");
}

TEST_CASE("a key that goes takes its line along, and no comment") {
    CHECK(withConfigValue("{\n  \"a\": 1,\n  \"b\": 2\n}", "a", {}) == "{\n  \"b\": 2\n}");
    CHECK(withConfigValue("{\n  \"a\": 1,\n  \"b\": 2\n}", "b", {}) == "{\n  \"a\": 1\n}");
    CHECK(withConfigValue("{\n  \"a\": 1, // why\n  \"b\": 2\n}", "a", {}) == "{\n  // why\n  \"b\": 2\n}");
    CHECK(withConfigValue(R"({"a": 1, "b": 2})", "a", {}) == R"({"b": 2})");
    CHECK(withConfigValue(R"({"a": 1, "b": 2})", "b", {}) == R"({"a": 1})");
    CHECK(withConfigValue(R"({"a": 1, "s": {"t": {"b": 2}}})", "s.t.b", {}) == R"({"a": 1})");
    CHECK(withConfigValue("{\"s\": {/* keep */ \"b\": 2}}", "s.b", {}) == "{\"s\": {/* keep */ }}");
    CHECK(withConfigValue(wild, "nothing.here", {}) == wild);
}

TEST_CASE("what is no JSON object stays as it is") {
    for (const char* text : {"", "[]", "{ broken", "{\"a\": }", "{\"a\": 1} more", "{\"a\": 01}", "{'a': 1}",
                             "{\"a\": 1,,}", "{,}", "{\"a\" 1}", "/* open {}", "{\"a\": \"\n\"}", "nul"}) {
        INFO(text);
        CHECK_FALSE(isJsonObject(text));
        CHECK(withConfigValue(text, "a", "2") == text);
        CHECK(withConfigValue(text, "a", {}) == text);
        CHECK_FALSE(configValue(text, "a"));
    }
    CHECK_FALSE(isJsonObject(std::string(100'000, '{')));
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
    CHECK_FALSE(isJsonObject(deep));
}

TEST_CASE("edits of any text mean what they mean to a dictionary, and undo each other") {
    for (uint32_t seed = 0; seed < 3'000; ++seed) {
        Writer writer(seed);
        const std::string text = writer.document();
        INFO("seed " << seed << "\n" << text);
        REQUIRE(isJsonObject(text) == static_cast<bool>(parseJsonObject(text, "text")));
        REQUIRE(isJsonObject(text));
        constexpr const char* more[] = {"f", "a.f", "b.c.d", "c.a.b.c", "e.e"};
        const std::string path = !writer.paths.empty() && writer.pick(2)
                                     ? writer.paths[writer.pick(writer.paths.size())]
                                     : more[writer.pick(std::size(more))];
        constexpr const char* values[] = {"7", "\"text\"", "[1, 2]", "false"};
        const std::string value = values[writer.pick(std::size(values))];
        INFO(path << " = " << value);

        const auto replaced = ConfigDocument(text).value(path);
        if (replaced && text[replaced->begin] == '{') continue; // what stands in a section goes with it
        const std::string with = withConfigValue(text, path, value);
        Ordered expected = meaning(text);
        set(expected, path, Ordered::parse(value));
        REQUIRE(meaning(with) == expected);
        REQUIRE(ConfigDocument(with).valid());
        REQUIRE(comments(with) == comments(text));
        REQUIRE(withConfigValue(with, path, value) == with);

        const std::string without = withConfigValue(with, path, {});
        INFO(with << "\nwithout\n" << without);
        REQUIRE_FALSE(configValue(without, path));
        REQUIRE(comments(without) == comments(text));
        for (const std::string& other : writer.paths) // everything else is still there
            if (other != path && !path.starts_with(other + "."))
                REQUIRE(configValue(without, other) == configValue(text, other));

        const TextChange change = changeBetween(text, with);
        std::string patched = text;
        REQUIRE(patched.replace(change.begin, change.removed, change.inserted) == with);
    }
}

TEST_CASE("broken texts are refused by the form exactly where the engine refuses them") {
    for (uint32_t seed = 0; seed < 2'000; ++seed) {
        Writer writer(seed);
        std::string text = writer.document();
        const size_t at = writer.pick(text.size());
        switch (writer.pick(3)) {
        case 0:
            text.erase(at, 1);
            break;
        case 1:
            text.insert(at, 1, "{}[],:\"/#*x1"[writer.pick(12)]);
            break;
        default:
            text.resize(at);
        }
        INFO(text);
        const Ordered strict = meaning(text);
        CHECK(isJsonObject(text) == strict.is_object());
    }
}

TEST_CASE("a sentence of the engine leads to its line") {
    const std::string text = "{\n  \"zero_optimization\": {\n    \"stage\": 7\n  },\n  \"tipo\": 1\n}";
    CHECK(lineOfSentence(text, "the configuration: zero_optimization.stage is 7; choose 0, 1, 2 or 3") == 3);
    CHECK(lineOfSentence(text, "the configuration: zero_optimization.offload_param.device is \"cpu\", but ...") == 2);
    CHECK(lineOfSentence(text, "the configuration, line 4, column 2: not valid JSON, unexpected") == 4);
    CHECK(lineOfSentence(text, "tipo is not a known key and has no effect") == 5);
    CHECK(lineOfSentence(text, "something else") == 0);
}

TEST_CASE("a change between texts never cuts a character") {
    const TextChange change = changeBetween("a ä b", "a ö b"); // both begin with 0xc3
    CHECK(change.begin == 2);
    CHECK(change.removed == 2);
    CHECK(change.inserted == "ö");
    CHECK(changeBetween("same", "same").removed == 0);
    CHECK(changeBetween("aaa", "aa").removed == 1);
}

} // namespace shardscope::gui
