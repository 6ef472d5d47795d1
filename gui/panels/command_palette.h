// SPDX-License-Identifier: Apache-2.0
// One field and a list: type a part of what you want and press Enter. Commands, lanes and steps; other views add
// theirs.
#pragma once
#include "gui/palette_model.h"
#include "gui/panels/overlay.h"

class QLabel;
class QLineEdit;
class QListView;

namespace shardscope::gui {

class Session;

class CommandPalette : public Overlay {
    Q_OBJECT
public:
    CommandPalette(Session&, QWidget* window);
    void contribute(PaletteMode mode, PaletteSource source) { m_model->contribute(mode, std::move(source)); }
    void open(PaletteMode);
    const PaletteModel& model() const { return *m_model; }
    QLineEdit& field() { return *m_field; }

protected:
    QSize wantedSize() const override;
    void opened() override;
    bool eventFilter(QObject*, QEvent*) override;

private:
    void type(const QString&);
    void runCurrent();
    void moveBy(int rows);
    Session& m_session;
    PaletteModel* m_model;
    QLineEdit* m_field;
    QListView* m_list;
    QLabel* m_none;
    PaletteMode m_mode = PaletteMode::commands;
};

// The sources that the shell itself has.
PaletteSource commandEntries(Session&);
PaletteSource laneEntries(Session&, std::function<void(int trace_id, int lane)> reveal);
PaletteSource stepEntries(Session&);

} // namespace shardscope::gui
