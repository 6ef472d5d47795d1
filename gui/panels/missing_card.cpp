// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/missing_card.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QFileInfo>
#include <QHBoxLayout>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace shardscope::gui {

MissingCard::MissingCard(QWidget* parent)
    : QFrame(parent)
    , m_title(roleLabel({}, "dim", metrics::font))
    , m_path(roleLabel({}, "faint")) {
    setObjectName("card");
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_path->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    auto* forget = new QToolButton;
    forget->setText("×");
    forget->setProperty("flat", true);
    forget->setToolTip("Take this trace out of the project");
    forget->setAccessibleName("Take this trace out of the project");
    auto* locate = new QPushButton("Locate…");
    locate->setObjectName("locate");
    locate->setToolTip("Say where the file is now");
    auto* head = new QHBoxLayout;
    head->addWidget(m_title, 1);
    head->addWidget(forget);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 8, 8);
    column->setSpacing(4);
    column->addLayout(head);
    column->addWidget(m_path);
    column->addWidget(locate, 0, Qt::AlignLeft);
    connect(locate, &QPushButton::clicked, this, &MissingCard::locateRequested);
    connect(forget, &QToolButton::clicked, this, &MissingCard::forgetRequested);
}

void MissingCard::show(const ProjectTrace& trace) {
    const QFileInfo file(text(trace.path));
    m_title->setText(trace.name.empty() ? file.fileName() : text(trace.name));
    m_path->setText("not in " + file.path());
    setToolTip(file.filePath());
    setAccessibleName("Missing trace " + m_title->text());
    QStringList words{m_title->text(), file.filePath()};
    for (const std::string& tag : trace.tags) words << text(tag);
    m_search_text = words.join(' ');
}

} // namespace shardscope::gui
