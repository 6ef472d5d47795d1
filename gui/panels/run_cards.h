// SPDX-License-Identifier: Apache-2.0
// The cards of the Run place: a run that failed, what to know before the next one, and bars that ask or tell without
// standing in the way.
#pragma once
#include "gui/device_probe.h"
#include "gui/event_facts.h"
#include "gui/run_check.h"
#include "gui/run_queue.h"
#include <QFrame>
#include <functional>

class QLabel;
class QPlainTextEdit;
class QToolButton;
class QVBoxLayout;

namespace shardscope::gui {

QString remedyOf(const QString& message); // "use 2 or 4" of "ranks is 3, which ...; use 2 or 4"; empty: none

// The sentence with its remedy on top; what the child said, folded, to read and to copy.
class FailureCard : public QFrame {
    Q_OBJECT
public:
    explicit FailureCard(QWidget* parent = nullptr);
    void show(const QueuedRun&); // hides itself unless the run failed or ended with a message
    QString message() const;     // as shown; empty if hidden

private:
    QLabel *m_title, *m_message;
    QToolButton *m_fold, *m_copy;
    QPlainTextEdit* m_output;
    int m_run_id = 0, m_put_away = 0; // runs: shown, and closed by the user
};

struct Advice { // one line of the card
    QString sentence;
    QString field; // where it can be changed; empty: nowhere
    Tone tone = Tone::normal;
    bool operator==(const Advice&) const = default;
};
// `known` are runs whose time per step is known; the nearest one tells how long this one may take.
std::vector<Advice> adviceFor(const RunCheck&, const std::vector<QueuedRun>& known,
                              const std::optional<KnownDevices>& = {});

class BeforeCard : public QFrame {
    Q_OBJECT
public:
    explicit BeforeCard(QWidget* parent = nullptr);
    void setAdvice(const std::vector<Advice>&);
    const std::vector<Advice>& advice() const { return m_advice; }

signals:
    void fieldAsked(const QString& field);

private:
    std::vector<Advice> m_advice;
    QVBoxLayout* m_lines;
};

// One line with buttons, above everything else of the place.
class AskBar : public QFrame {
    Q_OBJECT
public:
    explicit AskBar(QWidget* parent = nullptr);
    void setText(const QString&);
    QString text() const;
    QToolButton* addButton(const char* name, const QString& label, bool primary = false);

private:
    QLabel* m_text;
};

} // namespace shardscope::gui
