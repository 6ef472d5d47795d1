// SPDX-License-Identifier: Apache-2.0
#include "profiler/nvtx_ranges.h"

#ifdef SHARDSCOPE_WITH_NVTX
#include <nvtx3/nvToolsExt.h>

namespace shardscope {

bool NvtxRanges::compiled() { return true; }

NvtxRanges::NvtxRanges(std::span<const std::string> op_names) {
    nvtxDomainHandle_t domain = nvtxDomainCreateA("shardscope");
    m_domain = domain;
    for (const std::string& name : op_names) m_names.push_back(nvtxDomainRegisterStringA(domain, name.c_str()));
}

NvtxRanges::~NvtxRanges() { nvtxDomainDestroy(static_cast<nvtxDomainHandle_t>(m_domain)); }

void NvtxRanges::push(OpId op) const {
    nvtxEventAttributes_t range{};
    range.version = NVTX_VERSION;
    range.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    range.payloadType = NVTX_PAYLOAD_TYPE_INT32;
    range.payload.iValue = static_cast<int32_t>(op);
    range.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
    range.message.registered = static_cast<nvtxStringHandle_t>(m_names[static_cast<size_t>(op)]);
    nvtxDomainRangePushEx(static_cast<nvtxDomainHandle_t>(m_domain), &range);
}

void NvtxRanges::pop() const { nvtxDomainRangePop(static_cast<nvtxDomainHandle_t>(m_domain)); }

} // namespace shardscope

#else

namespace shardscope {

bool NvtxRanges::compiled() { return false; }
NvtxRanges::NvtxRanges(std::span<const std::string>) {}
NvtxRanges::~NvtxRanges() = default;
void NvtxRanges::push(OpId) const {}
void NvtxRanges::pop() const {}

} // namespace shardscope

#endif
