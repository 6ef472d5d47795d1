// SPDX-License-Identifier: Apache-2.0
// The style sheet of a report. The colours are those of the desktop program's themes (gui/canvas/theme.cpp), which a
// test holds together.
#pragma once
#include <string_view>

namespace shardscope {

inline constexpr std::string_view report_style = R"css(
:root { color-scheme: light dark; --background:#ffffff; --panel:#f6f7f9; --line:#dcdfe5; --grid:#e4e7ec; --text:#1d2430;
  --dim:#5c6675; --faint:#98a1b0; --accent:#1b66dd; --good:#147a53; --bad:#c93442; --attention:#98600a; }
@media (prefers-color-scheme: dark) { :root { --background:#14161a; --panel:#1b1e24; --line:#2d323c; --grid:#252a33;
  --text:#e7e9ee; --dim:#98a1b0; --faint:#5f6877; --accent:#4c9aff; --good:#39b980; --bad:#f0616d; --attention:#f0a63a; } }
* { box-sizing: border-box; }
body { margin:0 auto; max-width:1120px; padding:28px 24px 60px; background:var(--background); color:var(--text);
  font:14px/1.5 Inter,"Noto Sans","DejaVu Sans",system-ui,sans-serif; font-variant-numeric:tabular-nums; }
h1 { font-size:24px; line-height:1.25; margin:0 0 4px; }
h2 { font-size:12px; letter-spacing:.06em; text-transform:uppercase; color:var(--dim); border-top:1px solid var(--line);
  padding-top:18px; margin:30px 0 10px; }
h3 { font-size:14px; margin:18px 0 6px; }
p { margin:6px 0; max-width:80ch; }
.dim, .dim th, text.dim { color:var(--dim); }
.good { color:var(--good); } .bad { color:var(--bad); } .attention { color:var(--attention); }
.scroll { overflow-x:auto; }
table { border-collapse:collapse; margin:8px 0; min-width:50%; }
th, td { text-align:left; font-weight:400; padding:4px 14px 4px 0; border-bottom:1px solid var(--line);
  vertical-align:top; overflow-wrap:anywhere; }
thead th { color:var(--dim); border-bottom-color:var(--faint); white-space:nowrap; }
.number { text-align:right; white-space:nowrap; overflow-wrap:normal; }
tbody th.sub { padding-left:14px; color:var(--dim); }
code, pre, .key { font-family:"Noto Sans Mono","DejaVu Sans Mono",ui-monospace,monospace; font-size:12.5px; }
.key { color:var(--accent); }
pre { background:var(--panel); border:1px solid var(--line); border-radius:7px; padding:10px 12px; white-space:pre-wrap;
  overflow-wrap:anywhere; }
.origin { color:var(--faint); font-size:11.5px; }
details > summary { cursor:pointer; color:var(--accent); margin:8px 0; }
.chart { display:block; width:100%; height:auto; margin:6px 0; font-size:13px; }
.chart text { fill:var(--text); } .chart text.dim, .chart text.axis { fill:var(--dim); }
.chart text.name { font-weight:600; } .chart text.axis { font-size:11.5px; }
.chart text.end { text-anchor:end; } .chart text.middle { text-anchor:middle; }
.chart .grid { stroke:var(--grid); } .chart .whisker { stroke:var(--text); stroke-width:1.3; }
.curve { fill:none; stroke-width:2; stroke-linejoin:round; }
.run0 { stroke:#4c9aff; } .run1 { stroke:#f0a63a; } .run2 { stroke:#35b57f; } .run3 { stroke:#c66bd6; }
.fill-run0 { fill:#4c9aff; } .fill-run1 { fill:#f0a63a; } .fill-run2 { fill:#35b57f; } .fill-run3 { fill:#c66bd6; }
.legend { display:flex; flex-wrap:wrap; gap:4px 18px; color:var(--dim); font-size:12.5px; max-width:none; }
.swatch { width:10px; height:10px; vertical-align:-1px; }
.track { fill:var(--grid); }
.compute, .forward { fill:#5b9cf0; } .backward { fill:#3d6fd0; } .recompute { fill:#7fb2f5; }
.optimizer-step { fill:#a68bf2; } .gather { fill:#f0a63a; } .scatter { fill:#e2703a; } .reduce { fill:#d9659a; }
.copy, .exposed-copy { fill:#37b6b0; } .host { fill:#8d97a8; } .exposed-comm { fill:var(--bad); }
.idle { fill:var(--faint); } .other-time { fill:var(--line); } .overlap, .tokens { fill:var(--good); }
.parameters { fill:#4c9aff; } .gradients { fill:#f0a63a; } .optimizer { fill:#a68bf2; } .master_weights { fill:#7563c9; }
.activations { fill:#35b57f; } .comm_buffers { fill:#e2703a; } .workspace { fill:#8b94a5; } .other { fill:#5f6877; }
@media print { body { max-width:none; padding:0; } h2 { break-after:avoid; } .chart, tr { break-inside:avoid; } }
)css";

} // namespace shardscope
