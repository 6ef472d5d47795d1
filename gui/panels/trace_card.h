// SPDX-License-Identifier: Apache-2.0
// One open trace in the library: label, name, median step, what was run, a picture of a step, the two figures that tell
// stages apart, and tags. Name and tags are edited in place.
#pragma once
#include "gui/session.h"
#include <QFrame>

class QLabel;
class QLineEdit;
class QToolButton;

namespace shardscope::gui {

class StepPicture;
struct Thumbnail;

class TraceCard : public QFrame {
    Q_OBJECT
public:
    explicit TraceCard(int trace_id, QWidget* parent = nullptr);
    void show(const OpenTrace&, bool active, const Thumbnail*, const Theme&);
    void rename();
    void editTags(); // words, separated by commas
    int traceId() const { return m_trace_id; }
    const QString& searchText() const { return m_search_text; } // everything the filter looks at
    QString stateText() const;
    QLineEdit& editor() { return *m_editor; }

signals:
    void clicked(int trace_id);
    void closeRequested(int trace_id);
    void compareToggled(int trace_id);
    void menuRequested(int trace_id, const QPoint& global);
    void renamed(int trace_id, const QString& name);
    void tagged(int trace_id, const QStringList& tags);

protected:
    void mousePressEvent(QMouseEvent*) override;
    void mouseDoubleClickEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;
    void contextMenuEvent(QContextMenuEvent*) override;
    bool eventFilter(QObject*, QEvent*) override;

private:
    enum class Editing { nothing, name, tags };
    void edit(Editing, const QString& text, const QString& placeholder);
    void finish(bool keep);
    int m_trace_id;
    QToolButton *m_badge, *m_close;
    QLabel *m_title, *m_time, *m_subtitle, *m_peak, *m_overlap, *m_state, *m_notice, *m_tags;
    StepPicture* m_picture;
    QLineEdit* m_editor;
    Editing m_editing = Editing::nothing;
    QString m_name, m_tag_text, m_search_text;
};

} // namespace shardscope::gui
