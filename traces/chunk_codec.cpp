// SPDX-License-Identifier: Apache-2.0
#include "traces/chunk_codec.h"
#include <cassert>
#include <cstring>
#include <limits>
#include <zstd.h>

namespace shardscope {

namespace {

constexpr int compression_level = 1; // 3 takes longer and saves half a percent
constexpr size_t longest_varint = 10;
constexpr size_t shape_columns = 8, detail_columns = 10;

uint64_t zigzag(int64_t v) { return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63); }
int64_t unzigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

class Packer {
public:
    explicit Packer(size_t likely_bytes) { m_bytes.resize(likely_bytes + longest_varint); }
    void put(uint64_t value) {
        if (m_size + longest_varint > m_bytes.size()) m_bytes.resize(m_bytes.size() * 2);
        for (; value >= 0x80; value >>= 7) m_bytes[m_size++] = static_cast<std::byte>(value | 0x80);
        m_bytes[m_size++] = static_cast<std::byte>(value);
    }
    void putSigned(int64_t value) { put(zigzag(value)); }

    // valueOf(i) for i < count. Whole columns often hold one small value, as what an import does not know.
    template <class ValueOf> void putColumn(size_t count, ValueOf valueOf) {
        const int64_t first = valueOf(0);
        int64_t different = 0;
        for (size_t i = 1; i < count; ++i) different |= valueOf(i) ^ first;
        if (different == 0 && zigzag(first) < 0x80) {
            if (m_size + count > m_bytes.size()) m_bytes.resize(m_bytes.size() * 2 + count);
            std::memset(m_bytes.data() + m_size, static_cast<int>(zigzag(first)), count);
            m_size += count;
            return;
        }
        for (size_t i = 0; i < count; ++i) putSigned(valueOf(i));
    }

    std::vector<std::byte> compressed() const {
        std::vector<std::byte> out(ZSTD_compressBound(m_size));
        const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, compression_level);
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
        const size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), m_bytes.data(), m_size);
        assert(!ZSTD_isError(size));
        out.resize(size);
        return out;
    }

private:
    std::vector<std::byte> m_bytes;
    size_t m_size = 0;
};

// After the first violation everything reads as 0 and ok() is false.
class Unpacker {
public:
    Unpacker(std::span<const std::byte> compressed, size_t most_bytes) {
        const unsigned long long size = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
        m_ok = size != ZSTD_CONTENTSIZE_ERROR && size != ZSTD_CONTENTSIZE_UNKNOWN && size <= most_bytes;
        if (!m_ok) return;
        m_bytes.resize(static_cast<size_t>(size));
        m_ok = ZSTD_decompress(m_bytes.data(), m_bytes.size(), compressed.data(), compressed.size()) == m_bytes.size();
    }
    bool ok() const { return m_ok; }
    bool finished() const { return m_ok && m_at == m_bytes.size(); }
    void refuse() { m_ok = false; }

    uint64_t get() {
        // Most values are small, so is most of what is read here.
        if (m_ok && m_at < m_bytes.size() && static_cast<uint8_t>(m_bytes[m_at]) < 0x80)
            return static_cast<uint64_t>(m_bytes[m_at++]);
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (!m_ok || m_at == m_bytes.size()) break;
            const auto byte = static_cast<uint64_t>(m_bytes[m_at++]);
            value |= (byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        refuse();
        return 0;
    }
    int64_t getSigned() { return unzigzag(get()); }

    template <class T> T getIn(int64_t low, int64_t high) {
        const int64_t value = getSigned();
        if (value < low || value > high) refuse();
        return static_cast<T>(m_ok ? value : low);
    }
    template <class T> T getInt32() {
        return static_cast<T>(getIn<int32_t>(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
    }

private:
    std::vector<std::byte> m_bytes;
    size_t m_at = 0;
    bool m_ok = false;
};

} // namespace

std::vector<std::byte> encodeShape(std::span<const LaneRect> rects, bool with_counts) {
    Packer out(rects.size() * shape_columns * 2);
    int64_t previous = 0;
    for (const LaneRect& r : rects) {
        out.putSigned(r.start_ns - previous);
        previous = r.start_ns;
    }
    for (const LaneRect& r : rects) out.putSigned(r.end_ns - r.start_ns);
    previous = 0;
    for (const LaneRect& r : rects) {
        const auto event = static_cast<int64_t>(r.event);
        out.putSigned(event - previous);
        previous = event;
    }
    const auto column = [&](auto member) {
        out.putColumn(rects.size(), [&](size_t i) { return static_cast<int64_t>(rects[i].*member); });
    };
    if (with_counts) column(&LaneRect::count);
    column(&LaneRect::phase);
    column(&LaneRect::op_class);
    column(&LaneRect::layer);
    column(&LaneRect::bucket);
    return out.compressed();
}

std::vector<std::byte> encodeDetail(std::span<const IntervalDetail> details) {
    Packer out(details.size() * detail_columns * 2);
    const auto column = [&](auto member) {
        out.putColumn(details.size(), [&](size_t i) { return static_cast<int64_t>(details[i].*member); });
    };
    column(&IntervalDetail::op);
    column(&IntervalDetail::name);
    column(&IntervalDetail::step);
    column(&IntervalDetail::elements);
    column(&IntervalDetail::bytes);
    column(&IntervalDetail::sent_bytes);
    column(&IntervalDetail::wait_ns);
    column(&IntervalDetail::emulated_ns);
    column(&IntervalDetail::correlation);
    column(&IntervalDetail::process_group);
    return out.compressed();
}

std::optional<Chunk> decodeShape(std::span<const std::byte> bytes, size_t count, bool with_counts) {
    if (count == 0 || count > chunk_capacity) return std::nullopt;
    Unpacker in(bytes, count * shape_columns * longest_varint);
    if (!in.ok()) return std::nullopt;
    ShapeColumns shape;
    const auto fill = [&](auto& column, auto next) {
        column.resize(count);
        for (auto& value : column) value = next();
        return in.ok();
    };
    int64_t start = 0, event = 0;
    bool first = true;
    const auto nextStart = [&] {
        const int64_t gap = in.getSigned();
        if (__builtin_add_overflow(start, gap, &start) || (gap < 0 && !first) || start < -time_limit_ns ||
            start > time_limit_ns)
            in.refuse();
        first = false;
        return start;
    };
    size_t i = 0;
    const auto nextEnd = [&] {
        const int64_t from = shape.start_ns[i++];
        return from + in.getIn<int64_t>(0, time_limit_ns - from);
    };
    const auto nextEvent = [&] {
        if (__builtin_add_overflow(event, in.getSigned(), &event) || event < 0) in.refuse();
        return event;
    };
    const auto int32 = [&] { return in.getInt32<int32_t>(); };
    const bool sound =
        fill(shape.start_ns, nextStart) && fill(shape.end_ns, nextEnd) && fill(shape.event, nextEvent) &&
        (!with_counts ||
         fill(shape.count, [&] { return in.getIn<uint32_t>(1, std::numeric_limits<uint32_t>::max()); })) &&
        fill(shape.phase, [&] { return in.getIn<Phase>(0, static_cast<int64_t>(Phase::unknown)); }) &&
        fill(shape.op_class, [&] { return in.getIn<OpClass>(0, static_cast<int64_t>(OpClass::annotation)); }) &&
        fill(shape.layer, int32) && fill(shape.bucket, int32) && in.finished();
    return sound ? std::optional<Chunk>(std::move(shape)) : std::nullopt;
}

std::optional<std::vector<IntervalDetail>> decodeDetail(std::span<const std::byte> bytes, size_t count) {
    if (count == 0 || count > chunk_capacity) return std::nullopt;
    Unpacker in(bytes, count * detail_columns * longest_varint);
    std::vector<IntervalDetail> details(in.ok() ? count : 0);
    for (auto& d : details) d.op = in.getInt32<OpId>();
    for (auto& d : details) d.name = in.getInt32<NameId>();
    for (auto& d : details) d.step = in.getInt32<int32_t>();
    for (auto member : {&IntervalDetail::elements, &IntervalDetail::bytes, &IntervalDetail::sent_bytes,
                        &IntervalDetail::wait_ns, &IntervalDetail::emulated_ns})
        for (auto& d : details) d.*member = in.getIn<int64_t>(0, quantity_limit);
    if (in.finished()) return details; // version 1 ends here
    for (auto& d : details) d.correlation = in.getIn<int64_t>(-1, std::numeric_limits<int64_t>::max());
    for (auto& d : details) d.process_group = in.getInt32<int32_t>();
    if (!in.finished()) return std::nullopt;
    return details;
}

} // namespace shardscope
