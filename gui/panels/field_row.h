// SPDX-License-Identifier: Apache-2.0
// One field of the Run form: label and key, the editor for its kind, a note on unit and default, a button that takes it
// back to the default, and what is wrong with it below. Knows texts and JSON, not what they mean.
#pragma once
#include "gui/event_facts.h"
#include "gui/run_fields.h"
#include <QLabel>
#include <QWidget>

class QComboBox;
class QLineEdit;
class QToolButton;

namespace shardscope::gui {

class DeviceChoice;

class FieldRow : public QWidget {
    Q_OBJECT
public:
    explicit FieldRow(const FieldSpec&, QWidget* parent = nullptr);
    const FieldSpec& spec() const { return m_spec; }
    QString name() const { return m_spec.name; }

    // What the field holds, as the user writes it; nullopt: nothing is given. Emits nothing.
    void setValue(const std::optional<std::string>&);
    void setPlaceholder(const QString&);
    void setNote(const QString& note, const QString& tooltip);
    void setResting(bool); // it changes nothing here
    void setCheck(const QString& sentence, Tone);
    void setBefore(const std::optional<QString>& value); // of the run that is being changed; nullopt: it is the same
    bool given() const { return m_given; }
    bool wrong() const { return m_wrong; }
    bool remarked() const { return !m_check->text().isEmpty(); }
    bool matches(const QString& filter) const;
    void showDevices(const RunRequest&, const std::optional<KnownDevices>&, int64_t needed_bytes); // of kind devices
    void takeFocus();
    void setSought(bool); // somebody was led here: marked until the cursor goes elsewhere
    bool holdsFocus() const;

signals:
    void typed(const QString& value); // "" takes it back to the default
    void focused();
    void undoAsked();
    void redoAsked();

protected:
    bool eventFilter(QObject*, QEvent*) override;

private:
    QWidget* makeEditor();
    QWidget* makeLine();
    QWidget* makePath();
    QWidget* makeCombo();
    QWidget* makeStage();

    const FieldSpec& m_spec;
    QLineEdit* m_line = nullptr;
    QComboBox* m_combo = nullptr;
    QList<QAction*> m_stages;
    DeviceChoice* m_devices = nullptr;
    std::vector<QString> m_words; // of m_combo: the value behind each choice; "" leaves the key out
    void showNote();
    QLabel *m_label, *m_note, *m_check;
    QString m_note_text, m_before; // "was 3e5"
    bool m_has_no_note = false;    // a path takes the room
    QToolButton* m_reset;
    bool m_given = false, m_wrong = false, m_setting = false;
};

} // namespace shardscope::gui
