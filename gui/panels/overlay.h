// SPDX-License-Identifier: Apache-2.0
// A panel that lies over the window until Esc: it stays in its middle, keeps the window's shortcuts away from what is
// typed in it, and gives the keyboard back to who had it.
#pragma once
#include <QFrame>
#include <QPointer>

namespace shardscope::gui {

class Overlay : public QFrame {
    Q_OBJECT
public:
    explicit Overlay(QWidget* window);
    void openOver();
    void closeOver();

protected:
    bool event(QEvent*) override;
    bool eventFilter(QObject* window, QEvent*) override;
    void keyPressEvent(QKeyEvent*) override;
    virtual QSize wantedSize() const { return sizeHint(); }
    virtual void opened() { setFocus(); }
    void closeWhenLeft() { m_closes_when_left = true; } // also when the keyboard goes elsewhere

private:
    void place();
    QPointer<QWidget> m_return_to;
    bool m_closes_when_left = false;
};

} // namespace shardscope::gui
