// SPDX-License-Identifier: Apache-2.0
#include "gui/recording_notice.h"
#include "gui/units.h"
#include <cmath>

namespace shardscope::gui {

std::vector<RecordingNotice> noticesOf(const RecordingFacts& facts) {
    std::vector<RecordingNotice> notices;
    if (!facts.virtual_ranks.empty())
        notices.push_back({"virtual ranks: they take turns on one GPU",
                           facts.virtual_ranks +
                               " and take turns. Memory, volume and order are those of real ranks; times are not."});
    if (facts.gpu == GpuRecording::events)
        notices.push_back({"no GPU kernels: " + facts.gpu_reason, facts.gpu_sentence});
    if (facts.gpu == GpuRecording::incomplete) notices.push_back({facts.gpu_reason, facts.gpu_sentence});
    return notices;
}

std::string headNotice(const std::vector<RecordingNotice>& notices) {
    std::string line;
    for (const RecordingNotice& notice : notices) line += (line.empty() ? "" : " · ") + notice.words;
    return line;
}

std::vector<Fact> runFactList(const TraceReader& reader) {
    const RecordingFacts recording = recordingFacts(reader);
    const RunFacts run = runFacts(reader);
    std::vector<Fact> facts;
    const auto add = [&](const char* name, const std::string& value, Tone tone = Tone::normal,
                         const std::string& tooltip = {}) {
        if (!value.empty()) facts.push_back({name, value, tone, tooltip.empty() ? value : tooltip});
    };
    add("model", run.model);
    if (run.ranks > 0)
        add("ranks", std::to_string(run.ranks) + (recording.virtual_ranks.empty() ? "" : " virtual"),
            recording.virtual_ranks.empty() ? Tone::normal : Tone::attention);
    add("backend", recording.backend);
    add("device", recording.device);
    switch (recording.gpu) {
    case GpuRecording::none:
        break;
    case GpuRecording::kernels:
        add("GPU", "kernels recorded", Tone::normal, recording.gpu_sentence);
        break;
    case GpuRecording::incomplete:
    case GpuRecording::events:
        add("GPU", recording.gpu_reason, Tone::attention, recording.gpu_sentence);
        break;
    }
    add("recording took", taxText(recording), Tone::normal, recording.tax_method);
    if (recording.writer_percent)
        add("writing it", significant(*recording.writer_percent, 2) + " % of a core", Tone::normal,
            "processor time of the thread that writes the trace, beside the lanes");
    return facts;
}

} // namespace shardscope::gui
