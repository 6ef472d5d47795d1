// SPDX-License-Identifier: Apache-2.0
// The one place that knows the columns of event_row, for the reader of live files and for the writer of columns.
#pragma once
#include "traces/lane_index.h"

namespace shardscope {

class Statement;

inline constexpr const char* event_columns = "id,start_ns,end_ns,op,name,step,phase,op_class,layer,bucket,elements,"
                                             "bytes,sent_bytes,wait_ns,emulated_ns,lane,correlation,process_group";
inline constexpr const char* event_columns_v1 = "id,start_ns,end_ns,op,name,step,phase,op_class,layer,bucket,elements,"
                                                "bytes,sent_bytes,wait_ns,emulated_ns,lane,NULL,NULL";
inline constexpr int event_lane_column = 15;

enum class RowState { good, clamped, invalid };

// The row a statement stands on. Invalid: an enum, a number or an id that no writer would have stored.
RowState readEvent(const Statement&, LaneEntry&);

} // namespace shardscope
