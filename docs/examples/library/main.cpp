// SPDX-License-Identifier: Apache-2.0
// Trains a GPT-2 with ZeRO-2 on four ranks, saves a checkpoint, and goes on with ZeRO-3 on two.
#include <cstdio>
#include <cstdlib>
#include <shardscope.h>
using namespace shardscope;

template <class T> auto checked(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message.c_str());
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

struct Listener : TraceSink { // hears of every interval, memory change and step
    int collectives = 0, names = 0, lanes = 0;
    NameId intern(std::string_view) override { return NameId(names++); }
    LaneId addLane(const LaneInfo&) override { return LaneId(lanes++); }
    void append(std::span<const TraceEvent> events) override {
        for (const TraceEvent& event : events)
            if (const auto* e = std::get_if<IntervalEvent>(&event)) collectives += isCollective(e->op_class);
    }
};

int main(int, char** argv) {
    Listener listener;
    const Dataset text = checked(Dataset::open("")); // the built-in text; or name any file
    const ModelSpec model = checked(findModel("gpt2-tiny"));
    for (const int stage : {2, 3}) {
        const int ranks = stage == 2 ? 4 : 2;
        const std::string json =
            R"({"train_batch_size": 8, "zero_optimization": {"stage": )" + std::to_string(stage) + "}}";
        const Config config = checked(parseConfig(json, "the example", ranks));
        const auto engine = checked(Engine::initialize({.config = config, .model = model, .ranks = ranks}, &listener));
        if (stage == 3) checked(engine->loadCheckpoint(argv[1]));
        const BatchSource batches = batchesOf(text, *engine);
        for (int i = 0; i < 3; ++i)
            std::printf("ZeRO-%d loss %.4f\n", stage, checked(engine->trainBatch(batches)).loss);
        const double loss = checked(engine->forward(batches)); // the same piece by piece
        checked(engine->backward());
        std::printf("ZeRO-%d loss %.4f in step %ld\n", stage, loss, static_cast<long>(checked(engine->step())->step));
        std::printf("saved %s\n", checked(engine->saveCheckpoint(argv[1])).c_str());
        engine->finish();
    }
    std::printf("%d collectives heard\n", listener.collectives);
}
