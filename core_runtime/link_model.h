// SPDX-License-Identifier: Apache-2.0
// The time a collective would need on another interconnect: alpha per hop plus bytes over bandwidth, ring algorithm
// (Thakur, Rabenseifner, Gropp 2005, section 4). The comm lane is held for that long; the addition is recorded as
// emulated_ns and never presented as measured.
#pragma once
#include "traces/result.h"
#include "traces/vocabulary.h"
#include <cstdint>
#include <span>
#include <string>

namespace shardscope {

struct LinkModel {
    std::string name = "none"; // "none": no emulation, shared memory at its own speed
    double alpha_us = 0;       // per hop
    double bandwidth_gbps = 0; // gigabytes (1e9) per second and direction, per rank; 0 = none
    std::string description;   // what hardware this stands for
    bool emulates() const { return bandwidth_gbps > 0; }
    bool operator==(const LinkModel&) const = default;
};

std::span<const LinkModel>
builtinLinks(); // none, pcie3, pcie4, pcie5, nvlink3, nvlink4, ib-hdr, ib-ndr, ethernet-100g ...
// A built-in name, or "ALPHA_US:GBPS" such as "10:6.4".
Result<LinkModel> findLink(const std::string& text);
// `bytes`: of the whole range (gathered or reduced).
int64_t collectiveTimeNs(const LinkModel&, OpClass collective, int64_t bytes, int64_t ranks);
// A copy over the link: alpha plus bytes over bandwidth.
int64_t copyTimeNs(const LinkModel&, int64_t bytes);
// What one rank sends: (N-1)/N * bytes for all_gather and reduce_scatter, twice that for all_reduce. Exact for padded
// ranges.
int64_t sentBytes(OpClass collective, int64_t bytes, int64_t ranks);

} // namespace shardscope
