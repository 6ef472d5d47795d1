// SPDX-License-Identifier: Apache-2.0
// Which ops of a trace differ from those of the baseline, as the canvas marks them: slower or faster by more than
// noise, or not in both traces. Built once per comparison, read for every block.
#pragma once
#include "traces/trace_event.h"
#include <map>
#include <string>
#include <utility>

namespace shardscope::gui {

enum class OpDifference : uint8_t { slower, faster, only_here, missing_elsewhere };

struct OpMark {
    OpDifference kind = OpDifference::slower;
    double percent = 0; // against the baseline; 0 where there is nothing to compare with
    std::string words;  // "+12.3 % against A"
};

class DifferenceMarks {
public:
    void add(Phase phase, const std::string& compared_name, OpMark mark) {
        m_marks.insert_or_assign({phase, compared_name}, std::move(mark));
    }
    const OpMark* find(Phase phase, const std::string& compared_name) const {
        const auto found = m_marks.find({phase, compared_name});
        return found == m_marks.end() ? nullptr : &found->second;
    }
    size_t size() const { return m_marks.size(); }

private:
    std::map<std::pair<Phase, std::string>, OpMark> m_marks;
};

} // namespace shardscope::gui
