// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/device_choice.h"
#include "gui/canvas/format.h"
#include "gui/panels/elided_label.h"
#include "gui/panels/section.h"
#include "gui/run_request.h"
#include "gui/style.h"
#include <QCheckBox>
#include <QGridLayout>
#include <QLabel>
#include <algorithm>

namespace shardscope::gui {
namespace {

QString rankText(const DeviceUse& use) {
    if (use.ranks == 1) return QString("rank %1").arg(use.first_rank);
    return QString("%1 virtual ranks").arg(use.ranks);
}

// "138.8 of 140 GiB free"
QString memoryText(const KnownDevice& gpu) {
    const QString all = text(formatBytes(gpu.memory_bytes));
    return gpu.free_bytes < 0 ? all : text(formatBytes(gpu.free_bytes)) + " of " + all + " free";
}

} // namespace

DeviceChoice::DeviceChoice(QWidget* parent)
    : QWidget(parent)
    , m_grid(new QGridLayout(this)) {
    m_grid->setContentsMargins(0, 0, 0, 0);
    m_grid->setHorizontalSpacing(10);
    m_grid->setVerticalSpacing(3);
    m_grid->setColumnStretch(1, 1);
}

void DeviceChoice::makeRows(const KnownDevices& devices) {
    for (const Row& row : m_rows)
        for (QWidget* widget : {static_cast<QWidget*>(row.box), static_cast<QWidget*>(row.name),
                                static_cast<QWidget*>(row.rank), static_cast<QWidget*>(row.memory)})
            delete widget;
    m_rows.clear();
    m_boxes.clear();
    for (int device = 0; device < static_cast<int>(devices.gpus.size()); ++device) {
        const KnownDevice& gpu = devices.gpus[static_cast<size_t>(device)];
        Row row{new QCheckBox(QString("GPU %1").arg(device)), new ElidedLabel(text(gpu.name)), roleLabel({}, "dim"),
                roleLabel(memoryText(gpu), "dim")};
        row.box->setObjectName(QString("device:%1").arg(device));
        row.box->setAccessibleName(QString("GPU %1, %2, %3").arg(device).arg(text(gpu.name), memoryText(gpu)));
        row.name->setObjectName(QString("deviceName:%1").arg(device));
        row.rank->setObjectName(QString("deviceRank:%1").arg(device));
        row.memory->setObjectName(QString("deviceMemory:%1").arg(device));
        for (QLabel* label : {row.rank, row.memory}) label->setFont(uiFont(metrics::font_small));
        row.memory->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        m_grid->addWidget(row.box, device, 0);
        m_grid->addWidget(row.name, device, 1);
        m_grid->addWidget(row.rank, device, 2);
        m_grid->addWidget(row.memory, device, 3);
        connect(row.box, &QCheckBox::toggled, this, [this, device](bool on) { toggled(device, on); });
        m_rows.push_back(row);
        m_boxes.push_back(row.box);
    }
}

void DeviceChoice::show(const RunRequest& request, const std::optional<KnownDevices>& devices, int64_t needed_bytes) {
    m_setting = true;
    const KnownDevices none;
    const KnownDevices& known = devices ? *devices : none;
    if (m_rows.size() != known.gpus.size()) makeRows(known);
    const bool used = usesGpu(request, devices);
    const std::vector<DeviceUse> uses = deviceUses(request, devices);
    m_all = request.devices.empty();
    m_order = chosenDevices(request, known);
    for (size_t i = 0; i < m_rows.size(); ++i) {
        const Row& row = m_rows[i];
        const int device = static_cast<int>(i);
        const KnownDevice& gpu = known.gpus[i];
        row.box->setChecked(used && std::ranges::find(m_order, device) != m_order.end());
        row.box->setEnabled(used);
        row.name->setText(text(gpu.name));
        row.name->setEnabled(used);
        const auto use = std::ranges::find(uses, device, &DeviceUse::device);
        row.rank->setText(use != uses.end() ? rankText(*use) : used ? QString("not used") : QString());
        row.memory->setText(memoryText(gpu));
        const bool full = use != uses.end() && needed_bytes > 0 &&
                          needed_bytes * use->ranks > (gpu.free_bytes >= 0 ? gpu.free_bytes : gpu.memory_bytes);
        setTone(row.memory, full ? Tone::attention : Tone::normal);
        row.box->setToolTip(QString("%1%2; ticked in the order of the ranks")
                                .arg(text(gpu.name), gpu.compute_capability.empty()
                                                         ? QString()
                                                         : ", compute " + text(gpu.compute_capability)));
    }
    setVisible(!m_rows.empty());
    m_setting = false;
}

// One that is ticked comes behind the others; the last one stays, because a run needs one.
void DeviceChoice::toggled(int device, bool on) {
    if (m_setting) return;
    std::vector<int> order = m_order;
    std::erase(order, device);
    if (on) order.push_back(device);
    if (order.empty()) {
        m_setting = true;
        m_rows[static_cast<size_t>(device)].box->setChecked(true);
        m_setting = false;
        return;
    }
    QStringList list;
    for (const int ordinal : order) list << QString::number(ordinal);
    const bool all_in_order = order.size() == m_rows.size() && std::ranges::is_sorted(order);
    emit chosen(all_in_order ? QString() : list.join(','));
}

} // namespace shardscope::gui
