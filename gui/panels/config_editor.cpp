// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/config_editor.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QLabel>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QSyntaxHighlighter>
#include <QVBoxLayout>

namespace shardscope::gui {

class JsonColours : public QSyntaxHighlighter {
public:
    explicit JsonColours(QTextDocument* document)
        : QSyntaxHighlighter(document) {}
    void setTheme(const Theme& theme) {
        m_theme = &theme;
        rehighlight();
    }

protected:
    void highlightBlock(const QString& line) override {
        static const QRegularExpression token(R"re(("(?:[^"\\]|\\.)*")(\s*:)?|//.*$)re");
        setFormat(0, static_cast<int>(line.size()), toColour(m_theme->text));
        for (auto match = token.globalMatch(line); match.hasNext();) {
            const auto found = match.next();
            const bool key = !found.captured(2).isEmpty(), comment = found.captured(1).isEmpty();
            const Rgb colour = key ? m_theme->accent : comment ? m_theme->faint : m_theme->good;
            setFormat(static_cast<int>(found.capturedStart()),
                      static_cast<int>(comment ? found.capturedLength() : found.capturedLength(1)), toColour(colour));
        }
    }

private:
    const Theme* m_theme = &darkTheme();
};

ConfigEditor::ConfigEditor(QWidget* parent)
    : QWidget(parent)
    , m_head(new SectionHead("DeepSpeed JSON"))
    , m_problem(new QLabel)
    , m_edit(new QPlainTextEdit) {
    m_edit->setObjectName("configText");
    m_edit->setFont(monoFont(metrics::font_small));
    m_edit->setLineWrapMode(QPlainTextEdit::NoWrap);
    m_edit->setTabChangesFocus(true);
    m_problem->setWordWrap(true);
    m_problem->setFont(uiFont(metrics::font_small));
    m_problem->setContentsMargins(12, 8, 12, 8);
    m_colours = std::make_unique<JsonColours>(m_edit->document());
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_head);
    column->addWidget(m_problem);
    column->addWidget(m_edit, 1);
    connect(m_edit, &QPlainTextEdit::textChanged, this, [this] { // also said when only colours changed
        if (m_edit->toPlainText() == m_known) return;
        m_known = m_edit->toPlainText();
        emit edited();
    });
    setVerdict({});
}

ConfigEditor::~ConfigEditor() { m_edit->disconnect(this); } // the colours change the document when they go

void ConfigEditor::setText(const QString& config) {
    if (config == m_edit->toPlainText()) return;
    m_known = config;
    const int position = m_edit->textCursor().position();
    m_edit->setPlainText(config);
    QTextCursor cursor = m_edit->textCursor();
    cursor.setPosition(std::min(position, static_cast<int>(config.size())));
    m_edit->setTextCursor(cursor);
}

QString ConfigEditor::text() const { return m_edit->toPlainText(); }

void ConfigEditor::setVerdict(const QString& problem) {
    m_head->setRight(problem.isEmpty() ? "valid" : "not valid", problem.isEmpty() ? Tone::good : Tone::bad);
    m_problem->setText(problem);
    m_problem->setVisible(!problem.isEmpty());
    setTone(m_problem, Tone::bad);
}

void ConfigEditor::setTheme(const Theme& theme) { m_colours->setTheme(theme); }

} // namespace shardscope::gui
