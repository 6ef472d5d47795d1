// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/write_config.h"
#include "gui/buckets/json_edit.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSaveFile>
#include <QVBoxLayout>

namespace shardscope::gui {
namespace {

constexpr qint64 largest_file = 1 << 20; // what a run accepts as a configuration
constexpr size_t context_lines = 3;

QString freeBackup(const QString& path) { // an older copy is somebody's last resort: it is never written over
    QString name = path + ".bak";
    for (int number = 2; QFileInfo::exists(name); ++number) name = QString("%1.bak%2").arg(path).arg(number);
    return name;
}

bool save(const QString& path, const QByteArray& content) {
    QSaveFile file(path);
    return file.open(QIODevice::WriteOnly) && file.write(content) == content.size() && file.commit();
}

} // namespace

WriteConfigDialog::WriteConfigDialog(const Theme& theme, KeyValues values, std::string starting_text, QWidget* parent)
    : QDialog(parent)
    , m_theme(theme)
    , m_values(std::move(values))
    , m_starting_text(std::move(starting_text))
    , m_path(new QLineEdit)
    , m_difference(new QPlainTextEdit)
    , m_verdict(roleLabel({}, "dim"))
    , m_write(new QPushButton("Write"))
    , m_undo(new QPushButton("Undo")) {
    setWindowTitle("Write DeepSpeed JSON");
    setObjectName("writeConfig");
    resize(640, 420);
    m_path->setObjectName("writeConfigPath");
    m_path->setPlaceholderText("ds_config.json: your file, or a new one");
    m_path->setAccessibleName("File to write");
    m_difference->setReadOnly(true);
    m_difference->setFont(monoFont());
    m_difference->setLineWrapMode(QPlainTextEdit::NoWrap);
    m_difference->setAccessibleName("What changes");
    m_verdict->setWordWrap(true);
    m_write->setProperty("primary", true);
    m_write->setDefault(true);
    m_undo->hide();
    auto* choose = new QPushButton("Choose…");
    auto* close = new QPushButton("Close");
    auto* file_row = new QHBoxLayout;
    file_row->addWidget(m_path, 1);
    file_row->addWidget(choose);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_verdict, 1);
    buttons->addWidget(m_undo);
    buttons->addWidget(close);
    buttons->addWidget(m_write);
    auto* column = new QVBoxLayout(this);
    column->addWidget(roleLabel("Other keys, their order and comments stay as they are.", "dim"));
    column->addLayout(file_row);
    column->addWidget(m_difference, 1);
    column->addLayout(buttons);
    connect(choose, &QPushButton::clicked, this, &WriteConfigDialog::browse);
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    connect(m_path, &QLineEdit::textChanged, this, &WriteConfigDialog::look);
    connect(m_write, &QPushButton::clicked, this, &WriteConfigDialog::write);
    connect(m_undo, &QPushButton::clicked, this, &WriteConfigDialog::undo);
    look();
}

QString WriteConfigDialog::difference() const { return m_difference->toPlainText(); }
QString WriteConfigDialog::verdict() const { return m_verdict->text(); }

void WriteConfigDialog::browse() {
    const QString chosen =
        QFileDialog::getSaveFileName(this, "DeepSpeed JSON to change", m_path->text(), "JSON (*.json);;All files (*)",
                                     nullptr, QFileDialog::DontConfirmOverwrite);
    if (!chosen.isEmpty()) m_path->setText(chosen);
}

void WriteConfigDialog::look() {
    m_write->setEnabled(false);
    m_undo->hide();
    m_difference->clear();
    m_seen_path = m_path->text().trimmed();
    if (m_seen_path.isEmpty()) return m_verdict->setText("Name the file.");
    const QFileInfo info(m_seen_path);
    m_existed = info.exists();
    if (info.isDir()) return m_verdict->setText("This is a folder; add a file name.");
    if (!m_existed && !info.absoluteDir().exists())
        return m_verdict->setText("The folder of this path does not exist; create it or choose another.");
    m_before.clear();
    if (m_existed) {
        QFile file(m_seen_path);
        if (info.size() > largest_file)
            return m_verdict->setText(
                "This file has more than 1 MiB and is no DeepSpeed configuration; choose another.");
        if (!info.isFile() || !file.open(QIODevice::ReadOnly))
            return m_verdict->setText("This file cannot be read; check its permissions or choose another.");
        m_before = file.readAll();
    }
    std::string after = m_existed ? m_before.toStdString() : m_starting_text;
    for (const auto& [key, value] : m_values) {
        Result<std::string> changed = withJsonKey(after, key, value);
        if (!changed) return m_verdict->setText("Not written: " + text(changed.error().message) + ".");
        after = std::move(changed).value();
    }
    m_after = QByteArray::fromStdString(after);
    QString html;
    for (const DiffLine& line :
         lineDiff(m_existed ? m_before.toStdString() : std::string(), after, m_existed ? context_lines : 100)) {
        const Rgb tone = line.kind == DiffLine::added     ? m_theme.good
                         : line.kind == DiffLine::removed ? m_theme.bad
                                                          : m_theme.dim;
        const char* const sign = line.kind == DiffLine::added ? "+ " : line.kind == DiffLine::removed ? "- " : "  ";
        html += QString("<span style=\"color:%1; white-space:pre\">%2</span><br>")
                    .arg(toColour(tone).name(), (sign + text(line.text)).toHtmlEscaped());
    }
    m_difference->appendHtml(html);
    if (m_existed && m_after == m_before) return m_verdict->setText("The file has these values already.");
    m_backup = freeBackup(m_seen_path);
    m_verdict->setText(m_existed ? "The file as it is now is kept as " + QFileInfo(m_backup).fileName() + "."
                                 : QString("A new file."));
    m_write->setEnabled(true);
}

void WriteConfigDialog::write() {
    if (m_existed) {
        QFile now(m_seen_path);
        if (!now.open(QIODevice::ReadOnly) || now.readAll() != m_before) {
            look(); // somebody changed it meanwhile: show the new difference instead
            return m_verdict->setText("The file has changed since it was read; look at the difference again.");
        }
        if (!save(m_backup, m_before))
            return m_verdict->setText("The copy " + m_backup +
                                      " could not be written, so nothing was changed; "
                                      "choose another folder.");
    }
    if (!save(m_seen_path, m_after))
        return m_verdict->setText(m_seen_path + " could not be written; check its permissions or choose another.");
    m_verdict->setText("Written. " +
                       (m_existed ? QFileInfo(m_backup).fileName() + " holds the file as it was." : QString()));
    m_write->setEnabled(false);
    m_undo->show();
}

void WriteConfigDialog::undo() {
    const bool done = m_existed ? save(m_seen_path, m_before) : QFile::remove(m_seen_path);
    if (!done) return m_verdict->setText("The file could not be put back; " + m_backup + " holds it.");
    look();
    m_verdict->setText("Put back as it was.");
}

} // namespace shardscope::gui
