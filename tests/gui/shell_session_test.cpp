// SPDX-License-Identifier: Apache-2.0
// The session and the values behind the panels, without a window.
#include "gui/config_text.h"
#include "gui/event_facts.h"
#include "gui/event_order.h"
#include "gui/panels/run_form.h"
#include "gui/run_request.h"
#include "gui/units.h"
#include "shell_fixture.h"
#include <QComboBox>
#include <QDir>
#include <QLineEdit>
#include <QSignalSpy>
#include <fstream>

namespace shardscope::gui {
namespace {

bool hasLabels(const Session& session, std::initializer_list<const char*> labels) {
    std::vector<std::string> found;
    for (const OpenTrace& open : session.traces()) found.push_back(open.label);
    return found == std::vector<std::string>(labels.begin(), labels.end());
}

} // namespace

TEST_CASE("traces are labelled in order, opened once and closed") {
    Samples samples;
    Session session;
    const std::string first = samples.stage(0);
    const auto a = session.openTrace(first);
    REQUIRE(a);
    REQUIRE(session.openTrace(samples.stage(2)));
    CHECK(hasLabels(session, {"A", "B"}));
    CHECK(session.active()->facts.title() == "ZeRO-2");
    CHECK(session.active()->facts.subtitle().find("2 ranks") != std::string::npos);
    const auto again = session.openTrace(first);
    REQUIRE(again);
    CHECK(*again == *a);
    CHECK(session.traces().size() == 2);
    CHECK(session.active()->id == *a);
    session.closeTrace(*a);
    CHECK(hasLabels(session, {"A"}));
    CHECK(session.active()->facts.stage == 2);
    session.closeTrace(session.active()->id);
    CHECK(session.active() == nullptr);
    CHECK(session.model().timeline.traces.empty());
}

TEST_CASE("a fifth trace takes part and the first steps back") {
    Samples samples;
    Session session;
    for (int stage = 0; stage < 4; ++stage) REQUIRE(session.openTrace(samples.stage(stage)));
    const std::string fifth = samples.path("fifth.shardscope");
    writeSampleTrace(fifth, {.ranks = 2, .steps = 3, .stage = 1});
    REQUIRE(session.openTrace(fifth));
    CHECK(hasLabels(session, {"", "A", "B", "C", "D"}));
    session.setCompared(session.traces()[0].id, true); // refused: four are compared
    CHECK(hasLabels(session, {"", "A", "B", "C", "D"}));
    session.setCompared(session.traces()[4].id, false);
    session.setCompared(session.traces()[0].id, true);
    CHECK(hasLabels(session, {"A", "B", "C", "D", ""}));
}

TEST_CASE("a baseline that was chosen stays when a fifth trace comes") {
    Samples samples;
    Session session;
    for (int stage = 0; stage < 4; ++stage) REQUIRE(session.openTrace(samples.stage(stage)));
    const int chosen = session.traces()[0].id;
    session.setBaseline(chosen);
    const std::string fifth = samples.path("fifth.shardscope");
    writeSampleTrace(fifth, {.ranks = 2, .steps = 3, .stage = 1});
    REQUIRE(session.openTrace(fifth));
    CHECK(hasLabels(session, {"A", "", "B", "C", "D"}));
    CHECK(session.baselineId() == chosen);
}

TEST_CASE("what is no trace is refused in a sentence") {
    Samples samples;
    Session session;
    std::ofstream(samples.path("noise.shardscope")) << "this is not a trace, whatever its name says";
    for (const std::string& path :
         {samples.path("noise.shardscope"), samples.path("missing.shardscope"), samples.folder.path().toStdString()}) {
        const auto opened = session.openTrace(path);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().message.size() > 20);
    }
    CHECK(session.traces().empty());
}

TEST_CASE("figures of the session are those of the analysis") {
    Samples samples;
    Session session;
    std::vector<std::unique_ptr<TraceReader>> readers;
    std::vector<const TraceReader*> borrowed;
    for (const int stage : {0, 2, 3}) {
        const std::string path = samples.stage(stage);
        REQUIRE(session.openTrace(path));
        auto reader = TraceReader::open(path);
        REQUIRE(reader);
        readers.push_back(std::move(reader).value());
        borrowed.push_back(readers.back().get());
    }
    waitFor([&] { return !session.busy(); });
    const Comparison expected = compare(borrowed);
    REQUIRE(session.comparison().runs.size() == 3);
    CHECK(comparisonJson(session.comparison()) == comparisonJson(expected));
    for (size_t i = 0; i < 3; ++i) {
        REQUIRE(session.traces()[i].figures);
        CHECK(session.traces()[i].figures->step_ns == expected.runs[i].step_ns);
        CHECK(session.traces()[i].figures->label == expected.runs[i].label);
    }
}

TEST_CASE("a trace that is not compared has figures as well") {
    Samples samples;
    Session session;
    for (int stage = 0; stage < 4; ++stage) REQUIRE(session.openTrace(samples.stage(stage)));
    const std::string fifth = samples.path("fifth.shardscope");
    writeSampleTrace(fifth, {.ranks = 2, .steps = 3, .stage = 1});
    REQUIRE(session.openTrace(fifth)); // before anything was analysed
    waitFor([&] { return !session.busy(); });
    REQUIRE_FALSE(session.traces()[0].compared);
    REQUIRE(session.traces()[0].figures);
    CHECK(session.traces()[0].figures->step_ns > 0);
    CHECK(session.comparison().runs.size() == 4);
}

TEST_CASE("a closed trace leaves the comparison") {
    Samples samples;
    Session session;
    REQUIRE(session.openTrace(samples.stage(0)));
    REQUIRE(session.openTrace(samples.stage(1)));
    session.closeTrace(session.traces()[0].id);
    waitFor([&] { return !session.busy(); });
    REQUIRE(session.comparison().runs.size() == 1);
    CHECK(session.comparison().runs[0].title == "ZeRO-1");
    session.closeTrace(session.traces()[0].id);
    waitFor([&] { return !session.busy(); });
    CHECK(session.comparison().runs.empty());
}

TEST_CASE("alignment, steps, zoom and fit move the range and nothing else") {
    Samples samples;
    Session session;
    REQUIRE(session.openTrace(samples.stage(2)));
    const TraceReader& reader = *session.active()->reader;
    const int32_t step = session.step();
    REQUIRE(step >= 0);
    const auto origin = [&] { return session.model().timeline.traces.at(0).origin_ns; };
    CHECK(origin() == reader.steps()[static_cast<size_t>(step)].start_ns);
    const TimeRange whole_step = session.visible();
    CHECK(whole_step.start_ns == 0);
    session.setStep(step + 1);
    CHECK(origin() == reader.steps()[static_cast<size_t>(step) + 1].start_ns);
    session.setStep(1'000'000); // there is no such step
    CHECK(session.step() == step + 1);
    session.zoom(0.5);
    CHECK(session.visible().duration() == Approx(static_cast<double>(whole_step.duration()) / 2).epsilon(0.05));
    const int64_t moment = origin() + session.visible().start_ns;
    session.setAlign(Align::time);
    CHECK(origin() == 0);
    CHECK(session.visible().start_ns == moment); // the same moment stays in view
    session.setAlign(Align::step);
    CHECK(origin() + session.visible().start_ns == moment);
    session.fit();
    CHECK(session.visible().start_ns == 0);
    session.fit();
    CHECK(session.visible() == fullRange(session.model().timeline));
    session.setVisible({5, 6});
    CHECK(session.visible().duration() >= 100);
}

TEST_CASE("facts of an event agree with the trace") {
    Samples samples;
    Session session;
    REQUIRE(session.openTrace(samples.stage(2)));
    session.selectLongestExposed();
    waitFor([&] { return !session.busy(); });
    REQUIRE(session.selected());
    const TraceReader& reader = *session.active()->reader;
    const auto details = reader.details(session.selected()->event);
    REQUIRE(details);
    CHECK(isCollective(details->event.op_class));
    const auto facts = eventFacts(reader, session.selected()->event);
    REQUIRE(facts);
    CHECK(facts->place == "rank 0 · comm");
    const int64_t exposed = exposedNs(reader, details->event);
    CHECK(exposed > 0);
    CHECK(exposed <= details->event.end_ns - details->event.start_ns);
    // No other collective of this rank and step is exposed for longer.
    const StepEvent& step = reader.steps()[static_cast<size_t>(session.step())];
    for (size_t lane = 0; lane < reader.lanes().size(); ++lane)
        if (reader.lanes()[lane].rank == 0 && reader.lanes()[lane].kind == LaneKind::comm)
            for (const IntervalEvent& event : reader.events(static_cast<LaneId>(lane), {step.start_ns, step.end_ns}))
                CHECK(exposedNs(reader, event) <= exposed);
    CHECK_FALSE(eventFacts(reader, EventId{1'000'000'000}));
}

TEST_CASE("a live trace grows until its writer ends") {
    Samples samples;
    Session session;
    const std::string path = samples.path("live.shardscope");
    size_t steps_at_open = 0;
    QSignalSpy grew(&session, &Session::traceGrew);
    writeSampleTrace(
        path, {.ranks = 1, .steps = 4, .stage = 2, .after_step = [&](int step) {
                   if (step == 0) {
                       REQUIRE(session.openTrace(path));
                       CHECK(session.active()->followed);
                       steps_at_open = session.active()->reader->steps().size();
                   } else {
                       waitFor([&] { return session.active()->reader->steps().size() > static_cast<size_t>(step); });
                   }
               }});
    CHECK(steps_at_open == 1);
    CHECK(grew.count() >= 3);
    waitFor([&] { return !session.active()->followed; });
    CHECK(session.active()->facts.status == "finished");
}

TEST_CASE("a trace whose writer went away is called unfinished, and a file written anew is opened anew") {
    Samples samples;
    Session session;
    session.setQuietAfter(20);
    const std::string path = samples.path("left.shardscope");
    writeSampleTrace(path, {.ranks = 1, .steps = 2, .stage = 1, .finish = false});
    const auto first = session.openTrace(path);
    REQUIRE(first);
    CHECK(session.active()->followed);
    waitFor([&] { return session.active()->quiet; });
    writeSampleTrace(path, {.ranks = 1, .steps = 3, .stage = 2});
    const auto second = session.openTrace(path);
    REQUIRE(second);
    CHECK(*second != *first);
    REQUIRE(session.traces().size() == 1);
    CHECK(session.active()->reader->steps().size() == 3);
    CHECK_FALSE(session.active()->followed);
}

TEST_CASE("a trace is read by a worker and then drawn") {
    Samples samples;
    Session session;
    int opened = 0;
    session.openLater(samples.stage(2), [&](const Result<int>& id) { opened = id ? *id : -1; });
    CHECK(session.busy());
    CHECK(session.model().timeline.traces.empty());
    waitFor([&] { return !session.busy(); });
    REQUIRE(session.active());
    CHECK(opened == session.active()->id);
    REQUIRE(session.model().timeline.traces.size() == 1);
    CHECK(session.model().timeline.traces.at(0).reader->memory(0, MemoryTier::device).peak_bytes > 0);
    session.selectLongestExposed();
    CHECK_FALSE(session.selected()); // a worker looks for it
    waitFor([&] { return !session.busy(); });
    REQUIRE(session.selected()); // ids mean the same events in both readers
    CHECK(eventFacts(*session.active()->reader, session.selected()->event));
    session.closeTrace(session.active()->id);
}

TEST_CASE("of two wishes for one file one trace is opened, and what is closed while it is read stays closed") {
    Samples samples;
    Session session;
    const std::string file = samples.stage(1); // written once: one that changes while it is read is opened anew
    int answers = 0;
    for (int i = 0; i < 2; ++i) session.openLater(file, [&](const Result<int>& id) { answers += bool(id); });
    waitFor([&] { return !session.busy(); });
    CHECK(session.traces().size() == 1);
    CHECK(answers == 2);
    session.openLater(samples.stage(2));
    bool told = false;
    session.whenOpened([&] { told = true; });
    session.closeAll();
    CHECK(session.opening() == 0);
    session.openLater(samples.stage(3));
    waitFor([&] { return !session.busy(); });
    REQUIRE(session.traces().size() == 1);
    CHECK(session.active()->facts.stage == 3);
    CHECK_FALSE(told);
}

TEST_CASE("keys that come faster than answers walk along the lane all the same") {
    Samples samples;
    Session session;
    REQUIRE(session.openTrace(samples.stage(2)));
    session.selectLongestExposed();
    waitFor([&] { return !session.busy(); });
    const PickedEvent from = *session.selected();
    EventId expected = from.event;
    for (int i = 0; i < 3; ++i) {
        session.selectNeighbour(-1);
        expected = neighbourEvent(*session.active()->reader, expected, -1);
    }
    CHECK(session.selected() == from);
    waitFor([&] { return !session.busy(); });
    CHECK(session.selected()->event == expected);
}

TEST_CASE("numbers are read as DeepSpeed users write them") {
    int64_t value = 0;
    CHECK((parseInteger("5e8", value) && value == 500'000'000));
    CHECK((parseInteger("1,000,000", value) && value == 1'000'000));
    CHECK_FALSE(parseInteger("1.5", value));
    CHECK_FALSE(parseInteger("many", value));
    CHECK_FALSE(parseInteger("", value));
    CHECK(shortInteger(500'000'000) == "5e8");
    CHECK(shortInteger(7'087'872) == "7,087,872");
    CHECK(shortValue("500000000") == "5e8");
    CHECK(shortValue("1234567") == "1,234,567");
    CHECK(shortValue("1024") == "1024");
    CHECK(shortValue("0.0001") == "0.0001");
    CHECK(shortValue("9223372036854775807") == "9223372036854775807");
    CHECK(inUnit(41'912'000, timeUnit(41'912'000)) == "41.9");
    CHECK(inUnit(0, timeUnit(41'912'000)) == "0.00");
}

TEST_CASE("a key is changed and everything else in the JSON stays") {
    const std::string config =
        R"({"train_batch_size": 8, "zero_optimization": {"stage": 1, "sub_group_size": 7}, "wandb": {}})";
    const std::string changed = withConfigValue(config, "zero_optimization.stage", "3");
    CHECK(configValue(changed, "zero_optimization.stage") == "3");
    CHECK(configValue(changed, "zero_optimization.sub_group_size") == "7");
    CHECK(configValue(changed, "train_batch_size") == "8");
    CHECK(configValue(changed, "wandb") == "{}");
    CHECK(configValue(withConfigValue(config, "bf16.enabled", "true"), "bf16.enabled") == "true");
    const std::string removed = withConfigValue(changed, "zero_optimization.stage", std::nullopt);
    CHECK_FALSE(configValue(removed, "zero_optimization.stage"));
    CHECK(configValue(removed, "zero_optimization.sub_group_size") == "7");
    CHECK(withConfigValue("{ broken", "a.b", "1") == "{ broken");
}

TEST_CASE("a request is checked before it runs") {
    RunRequest request;
    request.config = startingConfig();
    CHECK_FALSE(problems(request).contains("backend"));
    CHECK_FALSE(problems(request).contains("link"));
    CHECK(plannedMemory(request).size() == 4);
    request.ranks = "three";
    CHECK(problems(request).contains("ranks"));
    request.ranks = "4";
    request.model = "gpt3-tiny";
    CHECK(problems(request).contains("model"));
    request.model = "gpt2-tiny";
    request.sequence = "1000000";
    CHECK(problems(request).contains("sequence"));
    request.sequence.clear();
    request.data = "/nowhere/text.txt";
    request.trace = "/nowhere/run.shardscope";
    CHECK(problems(request).contains("data"));
    CHECK(problems(request).contains("trace"));
    request.data.clear();
    request.trace.clear();
    request.config = withConfigValue(request.config, "zero_optimization.stage", "7");
    REQUIRE(problems(request).contains("config"));
    CHECK(problems(request).at("config").find("stage") != std::string::npos);
    request.ranks = "0";
    CHECK(plannedMemory(request).empty());
}

TEST_CASE("the plan of an offloaded run tells host and NVMe memory, at the stages that can have it") {
    RunRequest request;
    request.config = withConfigValue(startingConfig(), "zero_optimization.offload_optimizer.device", "cpu");
    const auto host = plannedMemory(request);
    REQUIRE(host.size() == 3);
    CHECK(host.front().stage == 1);
    CHECK(host.front().host > 0);
    request.config = withConfigValue(request.config, "zero_optimization.stage", "3");
    request.config = withConfigValue(request.config, "zero_optimization.offload_optimizer.device", "nvme");
    CHECK(problems(request).at("config").find("nvme_path") != std::string::npos);
    request.config = withConfigValue(request.config, "zero_optimization.offload_optimizer.nvme_path", "/tmp");
    const auto nvme = plannedMemory(request);
    REQUIRE(nvme.size() == 1);
    CHECK(nvme.front().nvme > 0);
    request.host_link = "ten";
    CHECK(problems(request).contains("host_link"));
}

TEST_CASE("a run on GPUs is refused where it cannot be, and with an emulated link") {
    RunRequest request;
    CHECK_FALSE(problems(request).contains("backend"));
    request.backend = "cuda";
    request.link = "pcie4";
    CHECK(problems(request).at("link").find("CPU ranks only") != std::string::npos);
    request.backend = "abacus";
    CHECK(problems(request).at("backend").find("auto, cpu and cuda") != std::string::npos);
    request.backend = "cpu";
    CHECK_FALSE(problems(request).contains("backend"));
    CHECK_FALSE(problems(request).contains("link"));
    const std::vector<std::string> arguments = commandArguments(request, "c.json", "t.shardscope");
    const auto flag = std::find(arguments.begin(), arguments.end(), "--backend");
    REQUIRE(flag != arguments.end());
    CHECK(flag[1] == "cpu");
}

TEST_CASE("the form writes what lives where, and a swap folder with it") {
    RunForm form;
    const auto choose = [&](const char* name, const char* shown) {
        auto* combo = form.findChild<QComboBox*>(QString("field:%1").arg(name));
        REQUIRE(combo);
        combo->setCurrentText(shown);
    };
    const std::string optimizer = "zero_optimization.offload_optimizer.";
    choose("zero_optimization.offload_optimizer.device", "NVMe");
    CHECK(configValue(form.request().config, optimizer + "device") == "nvme");
    CHECK(configValue(form.request().config, optimizer + "nvme_path") == QDir::tempPath().toStdString());
    CHECK(form.field("zero_optimization.nvme_path")->text() == QDir::tempPath());
    choose("zero_optimization.offload_optimizer.device", "host");
    CHECK_FALSE(configValue(form.request().config, optimizer + "nvme_path"));
    choose("zero_optimization.offload_optimizer.device", "device");
    CHECK_FALSE(configValue(form.request().config, "zero_optimization.offload_optimizer"));
    choose("bf16.enabled", "fp16");
    CHECK(configValue(form.request().config, "fp16.enabled") == "true");
    CHECK_FALSE(configValue(form.request().config, "bf16.enabled"));
    choose("shardscope.activation_checkpointing", "full");
    CHECK(configValue(form.request().config, "shardscope.activation_checkpointing") == "full");
    CHECK(problems(form.request()).empty());
}

} // namespace shardscope::gui
