// SPDX-License-Identifier: Apache-2.0
// The GPUs of the machine with a check box each: name, memory, what of it is free, and which rank gets it. The order of
// ticking is the order of the ranks. None named stands for all, as the command line has it.
#pragma once
#include "gui/known_devices.h"
#include <QWidget>

class QCheckBox;
class QGridLayout;
class QLabel;

namespace shardscope::gui {

class ElidedLabel;

class DeviceChoice : public QWidget {
    Q_OBJECT
public:
    explicit DeviceChoice(QWidget* parent = nullptr);
    // `needed_bytes`: of each rank, to mark what does not fit; 0: not known.
    void show(const RunRequest&, const std::optional<KnownDevices>&, int64_t needed_bytes);
    const std::vector<QCheckBox*>& boxes() const { return m_boxes; }

signals:
    void chosen(const QString& list); // "2,0"; empty: all

private:
    void makeRows(const KnownDevices&);
    void toggled(int device, bool on);

    struct Row {
        QCheckBox* box;
        ElidedLabel* name;
        QLabel *rank, *memory;
    };
    QGridLayout* m_grid;
    std::vector<Row> m_rows;
    std::vector<QCheckBox*> m_boxes;
    std::vector<int> m_order; // ticked, in the order of the ranks
    bool m_all = true, m_setting = false;
};

} // namespace shardscope::gui
