// SPDX-License-Identifier: Apache-2.0
// The canvas as a document: well-formed, its text kept as text, and nothing in it that a name could break.
#include "gui/canvas/painter.h"
#include "gui/canvas/vector_record.h"
#include "timeline_fixture.h"
#include <QXmlStreamReader>

namespace shardscope::gui {
namespace {

struct Document {
    QString error;
    std::map<QString, int> elements;
    QStringList texts;
    int count(const char* element) const {
        const auto found = elements.find(element);
        return found == elements.end() ? 0 : found->second;
    }
};

Document parsed(const QByteArray& svg) {
    Document document;
    QXmlStreamReader reader(svg);
    while (!reader.atEnd()) {
        reader.readNext();
        if (!reader.isStartElement()) continue;
        const QString name = reader.name().toString();
        ++document.elements[name];
        if (name == u"text") {
            document.texts << reader.readElementText();
        }
    }
    if (reader.hasError()) document.error = reader.errorString();
    return document;
}

} // namespace

TEST_CASE("a timeline becomes a document of shapes and text") {
    TimelineFixture fixture;
    const TimelineModel model = fixture.fourStages(true);
    TimelineSelection selection;
    selection.visible = stepRange(model);
    TimelineState state;
    const auto draw = [&](const CanvasFrame& frame) { drawTimeline(model, selection, {}, *frame.theme, state); };
    for (const Theme* theme : {&darkTheme(), &lightTheme()}) {
        const QByteArray svg = renderToSvg(draw, *theme, {1200, 800});
        const Document document = parsed(svg);
        CHECK(document.error == "");
        CHECK(document.count("svg") == 1);
        CHECK(document.count("rect") > 100);
        for (const char* text : {"compute", "comm", "ZeRO-3", "baseline", "step 1"}) {
            INFO(text);
            CHECK(document.texts.contains(text));
        }
        CHECK(svg.contains("width=\"1200\" height=\"800\""));
        // Nothing is lost but what lies outside of a clip.
        CHECK(document.count("rect") + document.count("line") + document.count("circle") > state.drawn_rects * 9 / 10);
    }
    CHECK(renderToSvg(draw, darkTheme(), {1200, 800}) == renderToSvg(draw, darkTheme(), {1200, 800}));
}

TEST_CASE("what a name holds cannot leave its element") {
    CHECK(escapedXml("<a b=\"c\"> & 'd'") == "&lt;a b=&quot;c&quot;&gt; &amp; 'd'");
    const std::string mark = "\xef\xbf\xbd";
    CHECK(escapedXml(std::string("a\0\x1b", 3)) == "a" + mark + mark);
    CHECK(escapedXml("\xff") == mark);
    const std::string evil = "</text><script>alert(1)</script> \x01 & \"";
    const auto draw = [&](const CanvasFrame& frame) {
        Painter painter(*frame.theme);
        painter.pushClip({0, 0, 50, 50});
        painter.text(4, 4, evil, frame.theme->text);
        painter.block({0, 0, 40, 20}, 0x123456, 3, 0.5f);
        painter.line({0, 0}, {9, 9}, 0xabcdef);
        painter.dot({5, 5}, 2, 0xff0000);
        painter.outline({1, 1, 9, 9}, 0x00ff00, 2, 1);
        painter.rect({45, 10, 70, 20}, 0x00cafe); // cut at 50
        painter.rect({60, 10, 70, 20}, 0xbadbad); // outside
        painter.line({60, 0}, {70, 9}, 0xbadbad);
        painter.text(60, 4, "gone", frame.theme->text); // the clip is left open
    };
    const QByteArray svg = renderToSvg(draw, darkTheme(), {100, 60});
    const Document document = parsed(svg);
    CHECK(document.error == "");
    CHECK_FALSE(document.elements.contains(QString("script")));
    REQUIRE(document.texts.size() == 1);
    CHECK(document.texts[0].startsWith("</text><script>alert(1)</script>"));
    CHECK(svg.contains("#123456"));
    CHECK(svg.contains("<rect x=\"45\" y=\"10\" width=\"5\" height=\"10\" fill=\"#00cafe\"/>"));
    CHECK_FALSE(svg.contains("#badbad"));
    CHECK(svg.contains("fill-opacity=\"0.5\""));
}

TEST_CASE("differences are marked, and what is equal recedes") {
    TimelineFixture fixture;
    TimelineModel model = fixture.fourStages();
    const TimelineSelection selection{.visible = stepRange(model), .selected = {}, .cursor_ns = {}};
    const QImage plain = drawOnce(model, selection).picture;
    auto marks = std::make_shared<DifferenceMarks>();
    std::optional<IntervalDetails> marked; // the first op of the second trace that a label names
    for (const LaneRect& rect : model.traces[1].reader->rects(LaneId{0}, model.traces[1].reader->span(), 1))
        if (const auto details = model.traces[1].reader->details(rect.event); details && details->event.step == 1)
            marked = details;
    REQUIRE(marked);
    marks->add(marked->event.phase, marked->name, {OpDifference::slower, 12.5, "+12.5 % against A"});
    CHECK(marks->find(marked->event.phase, marked->name)->percent == 12.5);
    CHECK(marks->find(Phase::initialize, marked->name) == nullptr);
    model.traces[1].differences = marks;
    const QImage shown = drawOnce(model, selection).picture;
    CHECK(shown != plain);
    CHECK(drawOnce(model, selection, lightTheme()).picture != plain);
    const auto has = [](const QImage& image, Rgb colour) {
        int count = 0;
        for (int y = 0; y < image.height(); ++y)
            for (int x = 0; x < image.width(); ++x) count += (image.pixel(x, y) & 0xffffff) == colour;
        return count;
    };
    CHECK(has(shown, operationColour(OpClass::compute, Phase::forward)) <
          has(plain, operationColour(OpClass::compute, Phase::forward)));
    keepPicture(shown, "differences_dark");
}

} // namespace shardscope::gui
