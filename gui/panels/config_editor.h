// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON as text that can be edited, with line numbers, colours for keys and values, marks on the lines
// that something is to be said about, and the verdict above it. Its history is the one of the form (run_history.h).
#pragma once
#include "gui/canvas/theme.h"
#include "gui/event_facts.h"
#include <QWidget>
#include <memory>
#include <vector>

class QLabel;
class QPlainTextEdit;

namespace shardscope::gui {

class JsonColours;
class NumberedEdit;
class SectionHead;

struct LineMark {
    int line = 0; // from 1
    Tone tone = Tone::attention;
    bool operator==(const LineMark&) const = default;
};

class ConfigEditor : public QWidget {
    Q_OBJECT
public:
    explicit ConfigEditor(QWidget* parent = nullptr);
    ~ConfigEditor() override;
    void setText(const QString&); // emits nothing; keeps the cursor and what is in view
    QString text() const;
    void setVerdict(const QString& problem, int line = 0); // empty: valid
    void setMarks(std::vector<LineMark>);
    const std::vector<LineMark>& marks() const { return m_marks; }
    void showLine(int line); // of the field that has the focus; 0: none
    void setTheme(const Theme&);
    void addTool(QWidget*); // into the head

signals:
    void edited();
    void undoAsked();
    void redoAsked();

protected:
    bool eventFilter(QObject*, QEvent*) override;

private:
    void paintMarks();
    SectionHead* m_head;
    QLabel* m_problem;
    NumberedEdit* m_edit;
    std::unique_ptr<JsonColours> m_colours;
    QString m_known; // the text as last set or told
    std::vector<LineMark> m_marks;
    int m_problem_line = 0, m_shown_line = 0;
    const Theme* m_theme;
};

} // namespace shardscope::gui
