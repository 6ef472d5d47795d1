// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/machine/cupti_library.h"
#include "core_runtime/machine/vendor_library.h"
#include <algorithm>
#include <cstring>

namespace shardscope {

cupti::Symbols cuptiSymbols() {
    static const OpenLibrary* library = [] {
        const auto& all = vendorLibraries();
        const auto cupti = std::find_if(all.begin(), all.end(),
                                        [](const VendorLibrary& l) { return std::strcmp(l.name, "CUPTI") == 0; });
        return new OpenLibrary(OpenLibrary::open(*cupti));
    }();
    if (!library->good()) return {};
    return [](const char* name) { return reinterpret_cast<void*>(library->function<void()>(name)); };
}

} // namespace shardscope
