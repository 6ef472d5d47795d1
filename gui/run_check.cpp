// SPDX-License-Identifier: Apache-2.0
#include "gui/run_check.h"
#include "core_runtime/explain.h"
#include "gui/canvas/format.h"
#include "gui/config_document.h"
#include "gui/units.h"
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

constexpr const char* source = "the configuration";

std::string readable(const std::string& json) {
    const auto value = nlohmann::json::parse(json, nullptr, false);
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
    if (value.is_number_integer() && value == INT64_MAX) return "no bound";
    if (value.is_number_integer()) return shortInteger(value.get<int64_t>());
    return json;
}

std::string memoryText(const TierBytes& bytes) {
    std::string text;
    for (const MemoryTier tier : all_memory_tiers) {
        const int64_t amount = bytes[static_cast<size_t>(tier)];
        if (amount == 0) continue;
        if (!text.empty()) text += ", ";
        text += (amount < 0 ? "-" : "") + formatBytes(std::abs(amount));
        if (tier != MemoryTier::device) text += " " + std::string(toText(tier) == "nvme" ? "NVMe" : toText(tier));
    }
    return text;
}

void takeSettings(const std::vector<Setting>& settings, std::map<std::string, KeyFact>& facts) {
    for (const Setting& setting : settings) {
        KeyFact& fact = facts[setting.key];
        fact.value = readable(setting.value);
        fact.unit = setting.unit;
        fact.origin = setting.origin;
        if (setting.origin != "given") fact.default_value = fact.value;
    }
}

// What a given key would be if it were not given depends on the others: overlap_comm on the stage.
void findDefaults(const RunRequest& request, const ModelSpec& model, std::map<std::string, KeyFact>& facts) {
    for (auto& [key, fact] : facts) {
        if (fact.origin != "given") continue;
        const auto without = parseConfig(withConfigValue(request.config, key, {}), source, integerOr(request.ranks, 1),
                                         model.channels, integerOr(request.steps, 1));
        if (!without) continue;
        for (const Setting& setting : without->settings)
            if (setting.key == key && setting.origin != "given") fact.default_value = readable(setting.value);
    }
}

} // namespace

const std::map<std::string, KeyFact>& defaultFacts() {
    static const std::map<std::string, KeyFact> facts = [] {
        std::map<std::string, KeyFact> found;
        // A schedule and fp16, so that their keys are listed too; what is shown for a request comes from its own text.
        const auto config = parseConfig(R"({"train_micro_batch_size_per_gpu": 1, "scheduler": {"type": "WarmupDecayLR",
                                            "params": {"total_num_steps": 1000}}})",
                                        source, 1);
        if (config) takeSettings(config->settings, found);
        for (auto& [key, fact] : found) {
            if (fact.origin != "given") continue; // given here to have it listed
            fact.origin = "default";
            fact.value.clear();
        }
        return found;
    }();
    return facts;
}

void checkRun(const RunRequest& request, const std::function<bool()>& cancelled,
              const std::function<void(const RunCheck&)>& tell, const std::optional<KnownDevices>& devices) {
    RunCheck check;
    check.request = request;
    check.problems = problems(request, devices);
    check.remarks = remarks(request);
    check.trace_path = defaultTracePath(request);
    const auto model = findModel(request.model);
    if (model) {
        check.model = formatCount(parameterCount(*model)) + " parameters";
        check.context = std::to_string(model->context);
        check.notices = noticesOf(*model);
    }
    const int64_t ranks = integerOr(request.ranks, 1);
    const auto config = model ? parseConfig(request.config, source, ranks, model->channels, integerOr(request.steps, 1))
                              : parseConfig(request.config, source, ranks);
    if (config) {
        check.notices.insert(check.notices.begin(), config->notices.begin(), config->notices.end());
        takeSettings(config->settings, check.keys);
        if (model) findDefaults(request, *model, check.keys);
    }
    if (!check.problems.empty() || !config || !model) {
        check.complete = true;
        return tell(check);
    }
    if (cancelled()) return;
    tell(check);
    for (int stage = 0; stage <= 3; ++stage) {
        if (cancelled()) return;
        if (auto planned = plannedStage(request, stage)) check.stages.push_back(*planned);
    }
    if (const auto planned = plan(*config, *model, ranks, integerOr(request.sequence, 0))) {
        if (cancelled()) return;
        for (const ExplainedSetting& explained : explainSettings(*planned)) {
            KeyFact& fact = check.keys[explained.setting.key];
            fact.memory = memoryText(explained.bytes);
            fact.memory_of = explained.memory;
            fact.no_effect = explained.no_effect;
        }
    }
    check.complete = true;
    tell(check);
}

RunCheckJob::RunCheckJob(QObject* parent)
    : QObject(parent) {
    m_pool.setMaxThreadCount(1); // a plan of a large model takes memory: never two at once
}

RunCheckJob::~RunCheckJob() {
    ++m_wanted;
    m_pool.clear();
    m_pool.waitForDone();
}

void RunCheckJob::request(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    const uint64_t number = ++m_wanted;
    m_pool.clear(); // those that have not begun
    // The destructor waits for the pool, so `this` outlives the worker; a queued call dies with the object.
    m_pool.start([this, number, request, devices] {
        const auto cancelled = [this, number] { return m_wanted.load() != number; };
        if (cancelled()) return;
        checkRun(
            request, cancelled,
            [&](const RunCheck& check) {
                QMetaObject::invokeMethod(
                    this,
                    [this, number, check] {
                        if (m_wanted.load() != number) return; // a newer request is on its way
                        if (check.complete) m_answered = number;
                        emit ready(check);
                    },
                    Qt::QueuedConnection);
            },
            devices);
    });
}

} // namespace shardscope::gui
