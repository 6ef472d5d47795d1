// SPDX-License-Identifier: Apache-2.0
// A button that says in a second line what comes of it.
#pragma once
#include <QPushButton>

namespace shardscope::gui {

class ChoiceButton : public QPushButton {
    Q_OBJECT
public:
    ChoiceButton(const QString& title, const QString& hint, bool primary = false);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent*) override;

private:
    QString m_hint;
};

} // namespace shardscope::gui
