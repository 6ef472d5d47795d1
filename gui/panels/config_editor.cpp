// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/config_editor.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QKeyEvent>
#include <QLabel>
#include <QPainter>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QScrollBar>
#include <QSyntaxHighlighter>
#include <QTextBlock>
#include <QVBoxLayout>
#include <algorithm>

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
        static const QRegularExpression token(R"re(("(?:[^"\\]|\\.)*")(\s*:)?|(?://|#).*$|/\*.*?(?:\*/|$))re");
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

// Numbers of lines at the left of the text, painted over the margin that is kept free for them.
class NumberedEdit : public QPlainTextEdit {
public:
    NumberedEdit()
        : m_numbers(new Numbers(this)) {
        connect(this, &QPlainTextEdit::blockCountChanged, this, [this] { fit(); });
        connect(this, &QPlainTextEdit::updateRequest, this, [this](const QRect& area, int dy) {
            if (dy)
                m_numbers->scroll(0, dy);
            else
                m_numbers->update(0, area.y(), m_numbers->width(), area.height());
        });
        fit();
    }
    void setNumberColour(const QColor& colour) {
        m_colour = colour;
        m_numbers->update();
    }

protected:
    void resizeEvent(QResizeEvent* event) override {
        QPlainTextEdit::resizeEvent(event);
        fit();
    }
    void changeEvent(QEvent* event) override {
        QPlainTextEdit::changeEvent(event);
        if (event->type() == QEvent::FontChange) fit();
    }

private:
    struct Numbers : QWidget {
        explicit Numbers(NumberedEdit* edit)
            : QWidget(edit)
            , m_edit(edit) {}
        void paintEvent(QPaintEvent* event) override { m_edit->paintNumbers(event->rect()); }
        NumberedEdit* m_edit;
    };
    void fit() {
        const int wide = 14 + fontMetrics().horizontalAdvance('9') *
                                  std::max(2, static_cast<int>(QString::number(blockCount()).size()));
        setViewportMargins(wide, 0, 0, 0);
        const QRect area = contentsRect();
        m_numbers->setGeometry(area.left(), area.top() + viewport()->y() - area.top(), wide, viewport()->height());
    }
    void paintNumbers(const QRect& area) {
        QPainter painter(m_numbers);
        painter.setPen(m_colour);
        painter.setFont(font());
        for (QTextBlock block = firstVisibleBlock(); block.isValid(); block = block.next()) {
            const QRectF line = blockBoundingGeometry(block).translated(contentOffset());
            if (line.top() > area.bottom()) break;
            painter.drawText(QRectF(0, line.top(), m_numbers->width() - 4, fontMetrics().height()), Qt::AlignRight,
                             QString::number(block.blockNumber() + 1));
        }
    }
    Numbers* m_numbers;
    QColor m_colour;
};

ConfigEditor::ConfigEditor(QWidget* parent)
    : QWidget(parent)
    , m_head(new SectionHead("DeepSpeed JSON"))
    , m_problem(new QLabel)
    , m_edit(new NumberedEdit)
    , m_theme(&darkTheme()) {
    m_edit->setObjectName("configText");
    m_edit->setAccessibleName("DeepSpeed JSON");
    m_edit->setFont(monoFont(metrics::font_small));
    m_edit->setLineWrapMode(QPlainTextEdit::NoWrap);
    m_edit->setTabChangesFocus(true);
    m_edit->setUndoRedoEnabled(false); // the history is one of form and JSON
    m_edit->installEventFilter(this);
    m_problem->setObjectName("configProblem");
    m_problem->setWordWrap(true);
    m_problem->setFont(uiFont(metrics::font_small));
    m_problem->setContentsMargins(12, 8, 12, 8);
    m_problem->setTextInteractionFlags(Qt::TextSelectableByMouse);
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
        m_problem_line = m_shown_line = 0; // lines may have moved; the next check says where they are
        m_marks.clear();
        paintMarks();
        emit edited();
    });
    setVerdict({});
}

ConfigEditor::~ConfigEditor() { m_edit->disconnect(this); } // the colours change the document when they go

// Only what differs is replaced: the cursor, the selection and the view stay where they are.
void ConfigEditor::setText(const QString& config) {
    const QString before = m_edit->toPlainText();
    if (config == before) return;
    const qsizetype shorter = std::min(config.size(), before.size());
    qsizetype begin = 0, end = 0;
    while (begin < shorter && config[begin] == before[begin]) ++begin;
    while (end < shorter - begin && config[config.size() - 1 - end] == before[before.size() - 1 - end]) ++end;
    m_known = config;
    const int scroll = m_edit->verticalScrollBar()->value();
    QTextCursor cursor(m_edit->document());
    cursor.setPosition(static_cast<int>(begin));
    cursor.setPosition(static_cast<int>(before.size() - end), QTextCursor::KeepAnchor);
    cursor.insertText(config.mid(begin, config.size() - begin - end));
    m_edit->verticalScrollBar()->setValue(scroll);
    m_marks.clear();
    paintMarks();
}

QString ConfigEditor::text() const { return m_edit->toPlainText(); }

void ConfigEditor::setVerdict(const QString& problem, int line) {
    m_head->setRight(problem.isEmpty() ? "valid" : "not valid", problem.isEmpty() ? Tone::good : Tone::bad);
    m_problem->setText(problem);
    m_problem->setVisible(!problem.isEmpty());
    setTone(m_problem, Tone::bad);
    m_problem_line = problem.isEmpty() ? 0 : line;
    paintMarks();
}

void ConfigEditor::setMarks(std::vector<LineMark> marks) {
    m_marks = std::move(marks);
    paintMarks();
}

void ConfigEditor::showLine(int line) {
    m_shown_line = line;
    paintMarks();
}

void ConfigEditor::paintMarks() {
    constexpr double strong = 0.22, faint = 0.14;
    QList<QTextEdit::ExtraSelection> selections;
    const auto mark = [&](int line, Rgb colour, double alpha) {
        const QTextBlock block = m_edit->document()->findBlockByNumber(line - 1);
        if (line <= 0 || !block.isValid()) return;
        QTextEdit::ExtraSelection selection;
        selection.cursor = QTextCursor(block);
        selection.format.setBackground(toColour(colour, alpha));
        selection.format.setProperty(QTextFormat::FullWidthSelection, true);
        selections << selection;
    };
    mark(m_shown_line, m_theme->accent, faint);
    for (const LineMark& m : m_marks) mark(m.line, m.tone == Tone::bad ? m_theme->bad : m_theme->attention, faint);
    mark(m_problem_line, m_theme->bad, strong);
    m_edit->setExtraSelections(selections);
}

void ConfigEditor::setTheme(const Theme& theme) {
    m_theme = &theme;
    m_colours->setTheme(theme);
    m_edit->setNumberColour(toColour(theme.quiet));
    paintMarks();
}

void ConfigEditor::addTool(QWidget* tool) { m_head->addWidget(tool); }

bool ConfigEditor::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() != QEvent::ShortcutOverride && event->type() != QEvent::KeyPress)
        return QWidget::eventFilter(watched, event);
    auto* key = static_cast<QKeyEvent*>(event);
    const bool undo = key->matches(QKeySequence::Undo), redo = key->matches(QKeySequence::Redo);
    if (!undo && !redo) return QWidget::eventFilter(watched, event);
    if (event->type() == QEvent::KeyPress) {
        if (undo)
            emit undoAsked();
        else
            emit redoAsked();
    }
    event->accept();
    return true;
}

} // namespace shardscope::gui
