// SPDX-License-Identifier: Apache-2.0
// The form of the Run place. Fields of the DeepSpeed JSON write into it and are read from it, one key each; an empty
// field means the default and leaves the key out. Fields come from one table (run_fields.h), in groups that open and
// close; checks appear under the field they are about.
#pragma once
#include "gui/device_probe.h"
#include "gui/run_check.h"
#include "gui/run_fields.h"
#include <QWidget>
#include <map>
#include <vector>

class QLabel;
class QLineEdit;
class QToolButton;
class QVBoxLayout;

namespace shardscope::gui {

class FieldRow;

class RunForm : public QWidget {
    Q_OBJECT
public:
    explicit RunForm(QWidget* parent = nullptr);
    const RunRequest& request() const { return m_request; }
    void setRequest(const RunRequest&);     // emits nothing
    void setConfigText(const std::string&); // the JSON was edited; fields follow it, unless it is broken
    void showCheck(const RunCheck&);
    void showChecks(const std::map<std::string, std::string>& problems,
                    const std::map<std::string, std::string>& remarks);
    void setDevices(const std::optional<KnownDevices>&); // none: not known yet
    // The request that this one is a variation of: what differs is marked.
    void setOriginal(const std::optional<RunRequest>&);
    void setFilter(const QString&);
    void focusField(const QString& name);        // opens what hides it
    void seekField(const QString& name);         // the same, and marks it until the cursor leaves it
    QLineEdit* field(const QString& name) const; // for tests and focus
    QLabel* check(const QString& name) const;
    bool shows(const QString& name) const; // not folded away or filtered out

signals:
    void edited(const QString& field);
    void fieldFocused(const QString& field);
    void undoAsked();
    void redoAsked();

private:
    struct Group {
        FieldGroup id;
        QWidget* box = nullptr;
        QToolButton *head = nullptr, *more = nullptr;
        QLabel* summary = nullptr;
        std::vector<FieldRow*> rows;
        bool open = true, all = false;
    };
    void addGroup(FieldGroup, QVBoxLayout*);
    void take(const FieldSpec&, const QString& value);
    void takeKey(const FieldSpec&, const std::string& value);
    void takeSwapFolder(const std::string& path);
    std::optional<std::string> valueOf(const FieldSpec&) const;
    FieldRow* row(const QString& name) const;
    void refresh();
    void refreshNotes();
    void noteKey(FieldRow&);
    void noteRequest();
    void noteBackend();
    void noteDevices();
    void showDifferences();
    void arrange();

    struct Emptied { // a key that was taken out by emptying its field, for as long as nothing else was changed
        QString field;
        std::string before, after;
    };
    RunRequest m_request;
    std::string m_readable; // the configuration when it was JSON last: what the fields show
    Emptied m_emptied;
    std::optional<RunRequest> m_original;
    std::optional<KnownDevices> m_devices;
    std::map<std::string, std::string> m_problems; // as shown
    std::map<std::string, KeyFact> m_facts;
    int64_t m_needed_bytes = 0; // of each rank, by the newest plan
    QString m_model_note, m_context, m_filter;
    std::vector<Group> m_groups;
    QLabel* m_no_match;
};

} // namespace shardscope::gui
