// SPDX-License-Identifier: Apache-2.0
// The search field of the toolbar: what is typed is looked for a moment later, Enter and Shift+Enter walk through the
// matches, Esc ends the search and gives the keyboard back to the canvas.
#pragma once
#include <QLineEdit>
#include <QTimer>

class QLabel;

namespace shardscope::gui {

class Session;

class SearchBox : public QWidget {
    Q_OBJECT
public:
    SearchBox(Session&, QWidget* canvas);
    QLineEdit& field() { return *m_field; }
    QString countText() const;       // "3 of 120"
    void start();                    // takes the keyboard
    QSize sizeHint() const override; // little: a narrow toolbar keeps its buttons

protected:
    bool eventFilter(QObject*, QEvent*) override;
    void resizeEvent(QResizeEvent*) override;

private:
    void showState();
    void search();
    Session& m_session;
    QWidget* m_canvas;
    QLineEdit* m_field;
    QLabel* m_count;
    QTimer m_typing;
    QString m_told; // the mistake that was told last
};

} // namespace shardscope::gui
