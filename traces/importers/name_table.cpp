// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/name_table.h"
#include <cstring>

namespace shardscope::importers {

namespace {

constexpr size_t block_bytes = 1 << 20;

uint64_t load(const char* at, size_t bytes) {
    uint64_t value = 0;
    std::memcpy(&value, at, bytes);
    return value;
}

// Eight bytes per step with a full multiplication: kernel names are hundreds of bytes long. The seed is the length.
uint32_t hashOf(std::string_view text) {
    uint64_t h = text.size() * 0x9e3779b97f4a7c15u;
    const auto mix = [&](uint64_t value) {
        h = (h ^ value) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    };
    const char* at = text.data();
    size_t left = text.size();
    for (; left >= 8; left -= 8, at += 8) mix(load(at, 8));
    if (left > 0) mix(load(at, left));
    return static_cast<uint32_t>(h ^ (h >> 29));
}

// Length of the valid sequence that starts here, 0 if there is none.
size_t sequenceLength(std::string_view rest) {
    const auto byte = [&](size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u; };
    const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned first = byte(0);
    if (first < 0x80) return first == 0 ? 0 : 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0, surrogate = first == 0xed && byte(1) >= 0xa0;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool overlong = first == 0xf0 && byte(1) < 0x90, too_big = first == 0xf4 && byte(1) >= 0x90;
        return follows(1) && follows(2) && follows(3) && !overlong && !too_big ? 4 : 0;
    }
    return 0;
}

} // namespace

std::string validUtf8(std::string_view text, bool& repaired) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const size_t length = sequenceLength(text);
        if (length == 0) {
            valid += "\xef\xbf\xbd";
            repaired = true;
        }
        valid.append(text.substr(0, length));
        text.remove_prefix(length ? length : 1);
    }
    return valid;
}

std::string_view NameTable::keep(std::string_view text) {
    if (text.empty()) return {}; // there may be no block yet
    if (text.size() > m_block_left) {
        m_blocks.push_back(std::make_unique<char[]>(block_bytes));
        m_block_at = m_blocks.back().get();
        m_block_left = block_bytes;
    }
    std::memcpy(m_block_at, text.data(), text.size());
    const std::string_view kept(m_block_at, text.size());
    m_block_at += text.size();
    m_block_left -= text.size();
    return kept;
}

void NameTable::grow() {
    std::vector<Slot> slots(m_slots.size() * 2);
    const size_t mask = slots.size() - 1;
    for (const Slot& slot : m_slots) {
        if (slot.id < 0) continue;
        size_t at = slot.hash & mask;
        while (slots[at].id >= 0) at = (at + 1) & mask;
        slots[at] = slot;
    }
    m_slots = std::move(slots);
}

NameId NameTable::intern(std::string_view given) {
    const bool too_long = given.size() > longest_name;
    const std::string_view text = given.substr(0, longest_name);
    const uint32_t hash = hashOf(text);
    size_t mask = m_slots.size() - 1, at = hash & mask;
    for (; m_slots[at].id >= 0; at = (at + 1) & mask)
        if (m_slots[at].hash == hash && m_keys[static_cast<size_t>(m_slots[at].id)] == text)
            return static_cast<NameId>(m_slots[at].id);
    const auto id = static_cast<int32_t>(m_texts.size());
    m_slots[at] = {hash, id};
    m_shortened += too_long;
    bool repaired = false;
    const std::string valid = validUtf8(text, repaired);
    m_repaired += repaired;
    m_keys.push_back(keep(text));
    m_texts.push_back(repaired ? keep(valid) : m_keys.back());
    if (m_texts.size() * 2 > m_slots.size()) grow();
    return static_cast<NameId>(id);
}

} // namespace shardscope::importers
