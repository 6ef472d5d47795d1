// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/comparison_html.h"
#include "profiler/report/report_sections.h"
#include "profiler/report/report_style.h"
#include "traces/exporters/output_file.h"

namespace shardscope {

std::string comparisonHtml(const Comparison& c, const std::vector<StepPicture>& pictures) {
    std::string html = "<!DOCTYPE html>\n"
                       "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                       "'unsafe-inline'\"/>\n<meta name=\"generator\" content=\"Shardscope\"/>\n";
    html += reportTitle(c);
    html += "<style>";
    html += report_style;
    html += "</style>\n</head>\n<body>\n";
    for (const auto section : {reportHead, reportDifferences, reportSentences}) html += section(c);
    html += reportPictures(c, pictures);
    for (const auto section :
         {reportTimes, reportMemory, reportLosses, reportOps, reportWarnings, reportCommands, reportDefinitions})
        html += section(c);
    return html + "</body>\n</html>\n";
}

Result<void> writeComparisonHtml(const std::vector<const TraceReader*>& traces, size_t baseline,
                                 const std::string& path) {
    const Comparison comparison = compare(traces, baseline);
    std::vector<StepPicture> pictures;
    for (size_t i = 0; i < traces.size(); ++i) pictures.push_back(stepPicture(*traces[i], comparison.runs[i]));
    auto file = OutputFile::create(path);
    if (!file) return file.error();
    (*file)->write(comparisonHtml(comparison, pictures));
    return (*file)->finish();
}

} // namespace shardscope
