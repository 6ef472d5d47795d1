// SPDX-License-Identifier: Apache-2.0
// Writes values into a DeepSpeed JSON file of the user: shows the difference first, keeps the file it replaces beside
// it, and can put that one back.
#pragma once
#include "gui/canvas/theme.h"
#include <QDialog>
#include <string>
#include <utility>
#include <vector>

class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;

namespace shardscope::gui {

using KeyValues = std::vector<std::pair<std::string, std::string>>; // dotted key, JSON text

class WriteConfigDialog : public QDialog {
    Q_OBJECT
public:
    // `starting_text` is what a new file begins with.
    WriteConfigDialog(const Theme&, KeyValues, std::string starting_text, QWidget* parent);
    QLineEdit* path() const { return m_path; }
    QPushButton* writeButton() const { return m_write; }
    QPushButton* undoButton() const { return m_undo; }
    QString difference() const;
    QString verdict() const;

private:
    void browse();
    void look(); // reads the file and shows what would change
    void write();
    void undo();

    const Theme& m_theme;
    const KeyValues m_values;
    const std::string m_starting_text;
    QLineEdit* m_path;
    QPlainTextEdit* m_difference;
    QLabel* m_verdict;
    QPushButton *m_write, *m_undo;
    QString m_seen_path, m_backup;
    QByteArray m_before, m_after; // of the file that was looked at
    bool m_existed = false;
};

} // namespace shardscope::gui
