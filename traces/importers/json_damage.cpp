// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/json_damage.h"

namespace shardscope::importers {

void warnOfDamage(const JsonStream& stream, ImportTable& table) {
    const JsonStreamCounts& c = stream.counts();
    const RepairCounts& r = c.repairs;
    if (c.truncated || !stream.damage().empty())
        table.warn("truncated_file", stream.damage().empty()
                                         ? "The file ends before its events do; all complete ones were taken."
                                         : "The file ends early: " + stream.damage() + "; what came before was taken.");
    if (c.gave_up) table.warn("too_damaged", "The rest of a file is so damaged that no events were looked for in it.");
    table.warn("skipped_text", "Text in which no event could be found was skipped.", c.skipped_pieces);
    table.warn("not_events", "Elements among the events that are no events were left out.", c.not_objects);
    table.warn("repaired_words", "Words that are no JSON values, such as N/A or nan, were taken as text.", r.words);
    table.warn("repaired_escapes", "Backslashes that form no valid escape were taken literally.", r.escapes);
    table.warn("repaired_controls", "Control characters in texts were replaced by spaces.", r.controls);
    table.warn("repaired_quotes", "Quotes inside texts that were not escaped were taken as part of the text.",
               r.quotes);
    table.warn("repaired_utf8", "Texts that were not valid UTF-8 show a replacement character.", r.bytes);
    table.warn("deep_values", "Values nested more than 64 deep were left out.", r.deep);
}

} // namespace shardscope::importers
