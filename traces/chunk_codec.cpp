// SPDX-License-Identifier: Apache-2.0
#include "traces/chunk_codec.h"
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>
#include <zstd.h>

namespace shardscope {

namespace {

constexpr int compression_level = 1; // 3 takes longer and saves half a percent
constexpr size_t longest_varint = 10;
constexpr size_t shape_columns = 8, detail_columns = ChunkColumns::details;

uint64_t zigzag(int64_t v) { return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63); }
int64_t unzigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

class Packer {
public:
    // value_of(i) for i < count.
    template <class ValueOf> void column(size_t count, ValueOf value_of) {
        const size_t most = m_size + count * longest_varint + sizeof(uint64_t);
        if (m_bytes.size() < most) m_bytes.resize(most);
        uint64_t bits = 0;
        for (size_t i = 0; i < count; ++i) bits |= zigzag(value_of(i));
        unsigned char* to = m_bytes.data() + m_size;
        if (bits < 0x80) { // one byte each, as most columns are
            for (size_t i = 0; i < count; ++i) to[i] = static_cast<unsigned char>(zigzag(value_of(i)));
            to += count;
        } else {
            for (size_t i = 0; i < count; ++i) to = put(to, zigzag(value_of(i)));
        }
        m_size = static_cast<size_t>(to - m_bytes.data());
    }
    void column(const std::vector<int64_t>& values) {
        column(values.size(), [&](size_t i) { return values[i]; });
    }
    // Each as the difference to the one before; the first stands apart, because it is large.
    void differences(const std::vector<int64_t>& values) {
        column(1, [&](size_t) { return values[0]; });
        column(values.size() - 1, [&](size_t i) { return values[i + 1] - values[i]; });
    }

    std::vector<std::byte> compressed() {
        m_compressed.resize(std::max(m_compressed.size(), ZSTD_compressBound(m_size)));
        const size_t size =
            ZSTD_compress2(m_context.get(), m_compressed.data(), m_compressed.size(), m_bytes.data(), m_size);
        assert(!ZSTD_isError(size));
        m_size = 0;
        const auto* const begin = reinterpret_cast<const std::byte*>(m_compressed.data());
        return {begin, begin + size};
    }

    // One of each thread, which keeps its memory.
    static Packer& own() {
        thread_local Packer packer;
        packer.m_size = 0;
        return packer;
    }

private:
    Packer() {
        ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_compressionLevel, compression_level);
        ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_checksumFlag, 1);
    }

    // There is room for eight bytes more than a value needs.
    static unsigned char* put(unsigned char* to, uint64_t value) {
        if (value >> 56 != 0) {
            for (; value >= 0x80; value >>= 7) *to++ = static_cast<unsigned char>(value | 0x80);
            *to++ = static_cast<unsigned char>(value);
            return to;
        }
        // Without branches, because nobody can guess the length: seven bits are moved into each byte.
        const unsigned bytes = (static_cast<unsigned>(std::bit_width(value | 1)) * 9 + 64) / 64;
        value = (value & 0x000000000fffffff) | (value & 0x00fffffff0000000) << 4;
        value = (value & 0x00003fff00003fff) | (value & 0x0fffc0000fffc000) << 2;
        value = (value & 0x007f007f007f007f) | (value & 0x3f803f803f803f80) << 1;
        value |= 0x8080808080808080 & ((uint64_t{1} << (8 * (bytes - 1))) - 1); // on all but the last
        std::memcpy(to, &value, sizeof value);
        return to + bytes;
    }

    static_assert(std::endian::native == std::endian::little);
    const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> m_context{ZSTD_createCCtx(), &ZSTD_freeCCtx};
    std::vector<unsigned char> m_bytes, m_compressed;
    size_t m_size = 0;
};

// Reads column after column; after the first violation ok() is false and the values mean nothing.
class Unpacker {
public:
    Unpacker(std::span<const std::byte> compressed, size_t most_bytes) {
        const unsigned long long size = ZSTD_getFrameContentSize(compressed.data(), compressed.size());
        if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > most_bytes) return;
        // A picture reads many chunks; what they are unpacked with and into is kept by the thread.
        thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                                      &ZSTD_freeDCtx);
        thread_local std::vector<unsigned char> content;
        if (content.size() < size || content.size() / 8 > size + usual_bytes)
            content = std::vector<unsigned char>(static_cast<size_t>(size));
        m_ok = ZSTD_decompressDCtx(context.get(), content.data(), static_cast<size_t>(size), compressed.data(),
                                   compressed.size()) == size;
        m_at = content.data();
        m_end = content.data() + size;
    }
    bool ok() const { return m_ok; }
    bool finished() const { return m_ok && m_at == m_end; }
    void refuse() { m_ok = false; }

    // `take(i, value)` for i < count, in order.
    template <class Take> void column(size_t count, Take take) {
        constexpr uint64_t high_bits = 0x8080808080808080;
        size_t i = 0;
        while (i < count && m_end - m_at >= 8) {
            uint64_t bytes = 0;
            std::memcpy(&bytes, m_at, sizeof bytes);
            const uint64_t ends = ~bytes & high_bits;  // of values
            if (ends == high_bits && count - i >= 8) { // eight values of one byte, as most are
                for (size_t k = 0; k < 8; ++k) take(i + k, unzigzag(m_at[k]));
                i += 8;
                m_at += 8;
                continue;
            }
            if (ends == 0) { // nine or ten bytes
                take(i++, unzigzag(slowly()));
                continue;
            }
            // Without branches, because nobody can guess the length: the seven bits of each byte are moved together.
            bytes &= (ends ^ (ends - 1)) & ~high_bits;
            bytes = (bytes & 0x007f007f007f007f) | (bytes & 0x7f007f007f007f00) >> 1;
            bytes = (bytes & 0x00003fff00003fff) | (bytes & 0x3fff00003fff0000) >> 2;
            bytes = (bytes & 0x000000000fffffff) | (bytes & 0x0fffffff00000000) >> 4;
            take(i++, unzigzag(bytes));
            m_at += std::countr_zero(ends) / 8 + 1;
        }
        while (i < count) take(i++, unzigzag(slowly()));
    }
    // The same with bounds, into a column that has its length.
    template <class T> void column(std::vector<T>& out, int64_t low, int64_t high) {
        bool outside = false;
        column(out.size(), [&, to = out.data()](size_t i, int64_t value) {
            outside |= value < low || value > high;
            to[i] = static_cast<T>(value);
        });
        m_ok = m_ok && !outside;
    }

private:
    static_assert(std::endian::native == std::endian::little);
    static constexpr size_t usual_bytes = 1 << 18;

    uint64_t slowly() {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && m_at != m_end; shift += 7) {
            const uint64_t byte = *m_at++;
            value |= (byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        refuse();
        return 0;
    }

    const unsigned char *m_at = nullptr, *m_end = nullptr;
    bool m_ok = false;
};

constexpr int64_t least_int32 = std::numeric_limits<int32_t>::min(), most_int32 = std::numeric_limits<int32_t>::max();

} // namespace

std::vector<std::byte> encodeShape(const ShapeColumns& shape) {
    const size_t count = shape.start_ns.size();
    Packer& out = Packer::own();
    out.differences(shape.start_ns);
    out.column(count, [&](size_t i) { return shape.end_ns[i] - shape.start_ns[i]; });
    out.differences(shape.event);
    out.column(shape.count.size(), [&](size_t i) { return static_cast<int64_t>(shape.count[i]); });
    out.column(count, [&](size_t i) { return static_cast<int64_t>(shape.phase[i]); });
    out.column(count, [&](size_t i) { return static_cast<int64_t>(shape.op_class[i]); });
    out.column(count, [&](size_t i) { return int64_t{shape.layer[i]}; });
    out.column(count, [&](size_t i) { return int64_t{shape.bucket[i]}; });
    return out.compressed();
}

std::vector<std::byte> encodeDetail(const ChunkColumns& chunk) {
    Packer& out = Packer::own();
    for (const DetailColumn& column : chunk.detail)
        column.varies() ? out.column(column.values())
                        : out.column(chunk.size(), [value = column.value()](size_t) { return value; });
    return out.compressed();
}

std::optional<Chunk> decodeShape(std::span<const std::byte> bytes, size_t count, bool with_counts) {
    if (count == 0 || count > chunk_capacity) return std::nullopt;
    Unpacker in(bytes, count * shape_columns * longest_varint);
    if (!in.ok()) return std::nullopt;
    ShapeColumns shape;
    bool sound = true;
    shape.start_ns.resize(count);
    int64_t start = 0;
    in.column(count, [&, to = shape.start_ns.data()](size_t i, int64_t gap) {
        sound &= gap >= (i == 0 ? -time_limit_ns : 0) && gap <= time_limit_ns * 2;
        start += sound ? gap : 0;
        sound &= start <= time_limit_ns;
        to[i] = start;
    });
    shape.end_ns.resize(count);
    in.column(count, [&, from = shape.start_ns.data(), to = shape.end_ns.data()](size_t i, int64_t duration) {
        sound &= duration >= 0 && duration <= time_limit_ns - from[i];
        to[i] = from[i] + (sound ? duration : 0);
    });
    shape.event.resize(count);
    int64_t event = 0;
    in.column(count, [&, to = shape.event.data()](size_t i, int64_t gap) {
        sound &= !__builtin_add_overflow(event, gap, &event) && event >= 0;
        to[i] = event;
    });
    if (!sound || !in.ok()) return std::nullopt;
    if (with_counts) {
        shape.count.resize(count);
        in.column(shape.count, 1, std::numeric_limits<uint32_t>::max());
    }
    shape.phase.resize(count);
    in.column(shape.phase, 0, static_cast<int64_t>(Phase::unknown));
    shape.op_class.resize(count);
    in.column(shape.op_class, 0, static_cast<int64_t>(OpClass::annotation));
    shape.layer.resize(count);
    in.column(shape.layer, least_int32, most_int32);
    shape.bucket.resize(count);
    in.column(shape.bucket, least_int32, most_int32);
    return in.finished() ? std::optional<Chunk>(std::move(shape)) : std::nullopt;
}

std::optional<std::vector<IntervalDetail>> decodeDetail(std::span<const std::byte> bytes, size_t count) {
    if (count == 0 || count > chunk_capacity) return std::nullopt;
    Unpacker in(bytes, count * detail_columns * longest_varint);
    if (!in.ok()) return std::nullopt;
    std::vector<IntervalDetail> details(count);
    bool outside = false;
    const auto column = [&](auto IntervalDetail::*member, int64_t low, int64_t high) {
        in.column(count, [&, to = details.data()](size_t i, int64_t value) {
            outside |= value < low || value > high;
            to[i].*member = static_cast<std::remove_reference_t<decltype(to[i].*member)>>(value);
        });
    };
    column(&IntervalDetail::op, least_int32, most_int32);
    column(&IntervalDetail::name, least_int32, most_int32);
    column(&IntervalDetail::step, least_int32, most_int32);
    for (auto member : {&IntervalDetail::elements, &IntervalDetail::bytes, &IntervalDetail::sent_bytes,
                        &IntervalDetail::wait_ns, &IntervalDetail::emulated_ns})
        column(member, 0, quantity_limit);
    if (!in.finished()) { // version 1 ends here
        column(&IntervalDetail::correlation, -1, std::numeric_limits<int64_t>::max());
        column(&IntervalDetail::process_group, least_int32, most_int32);
    }
    if (outside || !in.finished()) return std::nullopt;
    return details;
}

} // namespace shardscope
