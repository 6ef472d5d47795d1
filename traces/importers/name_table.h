// SPDX-License-Identifier: Apache-2.0
// The distinct names of a trace that is being imported: every text once, numbered from 0 in order of appearance. A name
// is made valid UTF-8 and kept to a sane length when it is first seen, so that nothing later has to.
#pragma once
#include "traces/vocabulary.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope::importers {

// Valid UTF-8 without NUL; whatever is not becomes U+FFFD. `repaired` is set if anything had to be changed.
std::string validUtf8(std::string_view, bool& repaired);

class NameTable {
public:
    static constexpr size_t longest_name = 16384; // bytes; longer ones are cut

    NameId intern(std::string_view);
    std::string_view text(NameId id) const { return m_texts[static_cast<size_t>(id)]; }
    size_t size() const { return m_texts.size(); }
    int64_t repaired() const { return m_repaired; } // names that were not UTF-8
    int64_t shortened() const { return m_shortened; }

private:
    struct Slot {
        uint32_t hash = 0;
        int32_t id = -1;
    };
    std::string_view keep(std::string_view);
    void grow();

    std::vector<std::string_view> m_texts; // as stored
    std::vector<std::string_view> m_keys;  // as given; differs from the text of a repaired name
    std::vector<Slot> m_slots = std::vector<Slot>(1024);
    std::vector<std::unique_ptr<char[]>> m_blocks;
    size_t m_block_left = 0;
    char* m_block_at = nullptr;
    int64_t m_repaired = 0, m_shortened = 0;
};

} // namespace shardscope::importers
