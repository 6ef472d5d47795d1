// SPDX-License-Identifier: Apache-2.0
// A button that takes the next key pressed instead of reacting to it. Esc leaves things as they are.
#pragma once
#include <QKeySequence>
#include <QPushButton>

namespace shardscope::gui {

class KeyCatcher : public QPushButton {
    Q_OBJECT
public:
    explicit KeyCatcher(QWidget* parent = nullptr);
    bool catching() const { return m_catching; }
    void start();

signals:
    void caught(const QKeySequence&);
    void left(); // without a key

protected:
    bool event(QEvent*) override; // Tab too is a key here
    void focusOutEvent(QFocusEvent*) override;

private:
    void stop();
    bool m_catching = false;
};

} // namespace shardscope::gui
