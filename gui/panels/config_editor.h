// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON as text that can be edited, with colours for keys and values and the verdict above it.
#pragma once
#include "gui/canvas/theme.h"
#include <QWidget>

class QLabel;
class QPlainTextEdit;

namespace shardscope::gui {

class JsonColours;
class SectionHead;

class ConfigEditor : public QWidget {
    Q_OBJECT
public:
    explicit ConfigEditor(QWidget* parent = nullptr);
    ~ConfigEditor() override;
    void setText(const QString&); // emits nothing; keeps the cursor where it was
    QString text() const;
    void setVerdict(const QString& problem); // empty: valid
    void setTheme(const Theme&);

signals:
    void edited();

private:
    SectionHead* m_head;
    QLabel* m_problem;
    QPlainTextEdit* m_edit;
    std::unique_ptr<JsonColours> m_colours;
    QString m_known; // the text as last set or told
};

} // namespace shardscope::gui
