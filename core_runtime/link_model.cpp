// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/link_model.h"
#include "core_runtime/nearest_name.h"
#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace shardscope {
namespace {

// The whole text as a finite number, or nothing.
bool readNumber(const std::string& text, double& number) {
    if (text.empty() || !(std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '.')) return false;
    char* end = nullptr;
    number = std::strtod(text.c_str(), &end);
    return *end == '\0' && std::isfinite(number);
}

} // namespace

std::span<const LinkModel> builtinLinks() {
    static const std::array links = {
        LinkModel{"none", 0, 0, "no emulation: shared memory at its own speed"},
        LinkModel{
            "pcie3", 10, 3.2,
            "four GPUs that share a PCIe 3.0 x16 host bridge without peer-to-peer; half of pcie4, by the link rates"},
        LinkModel{"pcie4", 10, 6.4,
                  "four GPUs that share a PCIe 4.0 x16 host bridge without peer-to-peer, through host memory"},
        LinkModel{
            "pcie5", 10, 12.8,
            "four GPUs that share a PCIe 5.0 x16 host bridge without peer-to-peer; twice pcie4, by the link rates"},
        LinkModel{"pcie4-p2p", 6, 24,
                  "one PCIe 4.0 x16 link per GPU with peer-to-peer; 31.5 GB/s on paper, about 80 % reached"},
        LinkModel{"nvlink3", 5, 234,
                  "A100 with NVSwitch; 300 GB/s on paper, the bus bandwidth large all-reduces reach"},
        LinkModel{"nvlink4", 5, 360,
                  "H100 or H200 with NVSwitch; 450 GB/s on paper, the bus bandwidth large ring all-reduces reach"},
        LinkModel{"ib-hdr", 20, 20, "one 200 Gbit/s InfiniBand HDR port per GPU; 25 GB/s on paper, about 80 % reached"},
        LinkModel{"ib-ndr", 20, 40, "one 400 Gbit/s InfiniBand NDR port per GPU; 50 GB/s on paper, about 80 % reached"},
        LinkModel{"ethernet-100g", 50, 10,
                  "one 100 Gbit/s Ethernet port per rank; 12.5 GB/s on paper, about 80 % reached"},
        LinkModel{"ethernet-10g", 50, 1,
                  "one 10 Gbit/s Ethernet port per rank; 1.25 GB/s on paper, about 80 % reached"},
    };
    return links;
}

Result<LinkModel> findLink(const std::string& text) {
    std::vector<std::string_view> names;
    std::string list;
    for (const LinkModel& link : builtinLinks()) {
        if (link.name == text) return link;
        names.push_back(link.name);
        list += (list.empty() ? "" : ", ") + link.name;
    }
    const size_t colon = text.find(':');
    if (colon == std::string::npos)
        return Error{"link \"" + text.substr(0, 60) + "\" does not exist; did you mean " + nearestName(text, names) +
                     "? There are " + list + ", or ALPHA_US:GBPS such as 10:6.4"};
    LinkModel link{text, 0, 0, "given as " + text + ": microseconds per hop and gigabytes per second per rank"};
    if (!readNumber(text.substr(0, colon), link.alpha_us) || !readNumber(text.substr(colon + 1), link.bandwidth_gbps))
        return Error{"link \"" + text.substr(0, 60) + "\" is not ALPHA_US:GBPS; write two numbers such as 10:6.4"};
    if (link.alpha_us > 1e6 || link.bandwidth_gbps < 1e-3 || link.bandwidth_gbps > 1e6)
        return Error{"link \"" + text.substr(0, 60) +
                     "\" is out of range; use 0 to 1e6 microseconds and 0.001 to 1e6 GB/s"};
    return link;
}

int64_t collectiveTimeNs(const LinkModel& link, OpClass collective, int64_t bytes, int64_t ranks) {
    if (!link.emulates() || ranks <= 1 || !isCollective(collective)) return 0;
    const double hops = static_cast<double>(ranks - 1) * (collective == OpClass::all_reduce ? 2 : 1);
    const double transfer_ns =
        static_cast<double>(sentBytes(collective, bytes, ranks)) / link.bandwidth_gbps; // GB/s = bytes/ns
    return std::llround(hops * link.alpha_us * 1e3 + transfer_ns);
}

int64_t copyTimeNs(const LinkModel& link, int64_t bytes) {
    if (!link.emulates()) return 0;
    return std::llround(link.alpha_us * 1e3 + static_cast<double>(bytes) / link.bandwidth_gbps);
}

int64_t sentBytes(OpClass collective, int64_t bytes, int64_t ranks) {
    if (ranks <= 1) return 0;
    const int64_t share = bytes / ranks * (ranks - 1) + bytes % ranks * (ranks - 1) / ranks;
    switch (collective) {
    case OpClass::all_gather:
    case OpClass::reduce_scatter:
        return share;
    case OpClass::all_reduce:
        return 2 * share;
    case OpClass::broadcast:
        return bytes; // pipelined around the ring: every rank but the last forwards all of it
    default:
        return 0;
    }
}

} // namespace shardscope
