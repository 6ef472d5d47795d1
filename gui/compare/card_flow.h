// SPDX-License-Identifier: Apache-2.0
// Cards side by side in as many columns as their width allows, in rows below each other where it does not; the height
// of a row is shared, and what is left over goes to the rows. Made for a scroll area.
#pragma once
#include <QWidget>
#include <vector>

namespace shardscope::gui {

class CardFlow : public QWidget {
    Q_OBJECT
public:
    explicit CardFlow(QWidget* parent = nullptr);
    void add(QWidget*, int least_width, int stretch);
    void arrange();
    int rowHeight() const { return m_row_height; } // that a card got

signals:
    void arranged();

protected:
    void resizeEvent(QResizeEvent*) override;

private:
    struct Card {
        QWidget* widget;
        int least_width, stretch;
    };
    std::vector<Card> m_cards;
    int m_row_height = 0;
};

} // namespace shardscope::gui
