// SPDX-License-Identifier: Apache-2.0
// The form of the Run place. Fields of the DeepSpeed JSON write into it and are read from it, one key each; an empty
// field means the default and leaves the key out. Checks appear under the field they are about.
#pragma once
#include "gui/run_request.h"
#include <QWidget>
#include <map>
#include <vector>

class QActionGroup;
class QComboBox;
class QGridLayout;
class QLabel;
class QLineEdit;

namespace shardscope::gui {

class RunForm : public QWidget {
    Q_OBJECT
public:
    explicit RunForm(QWidget* parent = nullptr);
    const RunRequest& request() const { return m_request; }
    void setRequest(const RunRequest&);     // emits nothing
    void setConfigText(const std::string&); // the JSON was edited; fields follow it
    void showChecks(const std::map<std::string, std::string>& problems,
                    const std::map<std::string, std::string>& remarks);
    QLineEdit* field(const QString& name) const; // for tests and focus
    QLabel* check(const QString& name) const;

signals:
    void edited();

private:
    struct Row;
    Row& addRow(const char* name, const char* label, const char* key_caption, QWidget* editor, const QString& note);
    void addHead(const char*);
    void addText(const char* name, const char* label, std::string RunRequest::*value, const QString& placeholder,
                 const QString& note);
    void addPath(const char* name, const char* label, std::string RunRequest::*value, const QString& placeholder,
                 bool save);
    void addConfigNumber(const char* key, const char* label, const QString& default_text, const QString& unit);
    // A name of a list or something typed: a model's file, a link's numbers.
    void addName(const char* name, const char* label, std::string RunRequest::*value, const QStringList& names,
                 const QString& tooltip);
    struct Choice {
        const char* shown;
        std::optional<std::string> json; // none: the key is left out
    };
    void addChoice(const char* key, const char* label, const std::vector<Choice>&);
    void addPrecision();
    void addSwapFolder();
    void addStage();
    void setConfig(const std::string& key, const std::optional<std::string>& json);
    void refresh();
    void refreshNotes();

    RunRequest m_request;
    QGridLayout* m_grid;
    int m_next_row = 0;
    std::vector<Row> m_rows;
    QActionGroup* m_stage = nullptr;
    bool m_refreshing = false;
};

struct RunForm::Row {
    QString name;
    QWidget* editor = nullptr;
    QLabel *note = nullptr, *check = nullptr;
    std::function<void()> refresh; // editor from request
};

} // namespace shardscope::gui
