// SPDX-License-Identifier: Apache-2.0
// A column that scrolls up and down only. Its content is exactly as wide as the view, so that nothing is cut off at the
// right, and as high as its words need at that width: a QScrollArea knows only heights that do not depend on the width,
// and would press wrapped text together.
#pragma once
#include <QScrollArea>

namespace shardscope::gui {

class ColumnScroll : public QScrollArea {
public:
    explicit ColumnScroll(QWidget* content, QWidget* parent = nullptr);

protected:
    bool eventFilter(QObject* content, QEvent*) override;
    void resizeEvent(QResizeEvent*) override;

private:
    void fit();
};

} // namespace shardscope::gui
