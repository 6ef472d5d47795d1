// SPDX-License-Identifier: Apache-2.0
// Charts of a report as inline SVG. Colours are classes of the report's style sheet, so that one document serves light
// and dark; text stays text.
#pragma once
#include "profiler/report/step_picture.h"
#include <optional>
#include <string>
#include <vector>

namespace shardscope {

struct ChartPart {
    double value = 0;
    std::string css_class; // "compute"
    std::string title;     // told when the mouse rests on it
};

struct ChartBar {
    std::string label, total;
    std::vector<ChartPart> parts;
    std::optional<std::pair<double, double>> interval; // drawn as a whisker, on the scale of the parts
};

struct ChartLegend {
    std::string css_class, name;
};

// `maximum` 0: the longest bar or whisker. `description` is for those who cannot see the chart.
std::string barChart(const std::vector<ChartBar>&, double maximum, const std::string& description);
std::string chartLegend(const std::vector<ChartLegend>&);
std::string lossChart(const Comparison&);
// The runs whose losses lie on the curve of this run, "A = B"; empty if that curve is drawn for another one.
std::string runsOnCurve(const Comparison&, size_t run);
std::string pictureChart(const std::vector<RunFigures>&, const std::vector<StepPicture>&); // all on one time axis

std::string operationClass(OpClass, Phase); // the class of the style sheet that colours it

} // namespace shardscope
