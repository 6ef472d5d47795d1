// SPDX-License-Identifier: Apache-2.0
#include "gui/export/export_dialog.h"
#include "gui/export/export_job.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>

namespace shardscope::gui {
namespace {

constexpr QSize preview_size{400, 280};
constexpr int64_t most_preview_pixels = 12'000'000; // drawing them takes a tenth of a second
constexpr int least_px = 100, most_px = 16'384;

QSpinBox* sizeBox() {
    auto* box = new QSpinBox;
    box->setRange(least_px, most_px);
    box->setSuffix(" px");
    box->setMinimumWidth(96);
    return box;
}

} // namespace

ExportDialog::ExportDialog(std::vector<Exportable> exportables, std::vector<std::string> run_titles,
                           const Theme& current, QWidget* parent)
    : QDialog(parent)
    , m_exportables(std::move(exportables))
    , m_titles(std::move(run_titles))
    , m_current(current)
    , m_what(new QComboBox)
    , m_format(new QComboBox)
    , m_theme(new QComboBox)
    , m_scale(new QComboBox)
    , m_width(sizeBox())
    , m_height(sizeBox())
    , m_preview(new QLabel)
    , m_pixels(roleLabel({}, "dim")) {
    m_pixels->setWordWrap(true);
    setWindowTitle("Export");
    m_choose = [this](const QString& suggested, const QString& suffix) {
        return chooseFileToWrite(this, "Export", suggested, suffix);
    };
    for (const Exportable& exportable : m_exportables) m_what->addItem(exportable.name);
    for (const auto& [name, label] :
         {std::pair{&m_what, "What"}, {&m_format, "Format"}, {&m_theme, "Theme"}, {&m_scale, "Scale"}})
        (*name)->setAccessibleName(label);
    m_width->setAccessibleName("Width");
    m_height->setAccessibleName("Height");
    m_theme->addItems({"as in the window", "dark", "light"});
    for (const int scale : {1, 2, 3, 4}) m_scale->addItem(QString("%1 ×").arg(scale), scale);
    m_scale->setCurrentIndex(1);
    auto* size = new QWidget;
    auto* size_row = new QHBoxLayout(size);
    size_row->setContentsMargins(0, 0, 0, 0);
    size_row->addWidget(m_width);
    size_row->addWidget(new QLabel("×"));
    size_row->addWidget(m_height);
    auto* form = new QFormLayout;
    form->setSpacing(8);
    form->addRow("What", m_what);
    form->addRow("Format", m_format);
    form->addRow("Size", size);
    form->addRow("Scale", m_scale);
    form->addRow("Theme", m_theme);
    form->addRow(QString(), m_pixels);
    m_picture_fields = {size, m_scale, m_theme, m_pixels};
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    m_write = buttons->addButton("Export…", QDialogButtonBox::AcceptRole);
    m_write->setObjectName("export");
    m_write->setProperty("primary", true);
    m_write->setDefault(true);
    m_preview->setFixedSize(preview_size);
    m_preview->setAlignment(Qt::AlignCenter);
    m_preview->setAccessibleName("Preview");
    auto* columns = new QHBoxLayout;
    columns->setSpacing(18);
    auto* left = new QVBoxLayout;
    left->addLayout(form);
    left->addStretch();
    left->addWidget(buttons);
    columns->addLayout(left);
    columns->addWidget(m_preview);
    setLayout(columns);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_write, &QPushButton::clicked, this, &ExportDialog::write);
    connect(m_what, &QComboBox::currentIndexChanged, this, &ExportDialog::showSubject);
    for (QComboBox* box : {m_format, m_theme, m_scale})
        connect(box, &QComboBox::currentIndexChanged, this, &ExportDialog::showPreview);
    for (QSpinBox* box : {m_width, m_height}) connect(box, &QSpinBox::valueChanged, this, &ExportDialog::showPreview);
    showSubject();
}

const Exportable& ExportDialog::subject() const {
    return m_exportables[static_cast<size_t>(std::max(0, m_what->currentIndex()))];
}

ExportOptions ExportDialog::options() const {
    const int theme = m_theme->currentIndex();
    return {.format = static_cast<ExportFormat>(m_format->currentData().toInt()),
            .size = {m_width->value(), m_height->value()},
            .scale = m_scale->currentData().toInt(),
            .theme = theme == 1   ? &darkTheme()
                     : theme == 2 ? &lightTheme()
                                  : &m_current};
}

void ExportDialog::showSubject() {
    const QSignalBlocker no_format(m_format), no_width(m_width), no_height(m_height);
    const int before = m_format->currentData().isValid() ? m_format->currentData().toInt() : 0;
    m_format->clear();
    for (const ExportFormat format : formatsOf(subject()))
        m_format->addItem(suffixOf(format).toUpper(), static_cast<int>(format));
    m_format->setCurrentIndex(std::max(0, m_format->findData(before)));
    m_width->setValue(subject().size.width());
    m_height->setValue(subject().size.height());
    showPreview();
}

void ExportDialog::showPreview() {
    ExportOptions wanted = options();
    setTone(m_pixels, Tone::normal);
    const bool table = wanted.format == ExportFormat::csv;
    for (QWidget* field : m_picture_fields) field->setEnabled(!table);
    m_scale->setEnabled(wanted.format == ExportFormat::png);
    if (table) {
        m_pixels->setText("all rows, exact numbers");
        return preview(wanted, [this](const QByteArray& csv) {
            m_preview->setText(QString("%1 rows").arg(std::max<qsizetype>(0, csv.count('\n') - 1)));
        });
    }
    const QSize pixels = wanted.size * (wanted.format == ExportFormat::png ? wanted.scale : 1);
    m_pixels->setText(wanted.format == ExportFormat::png
                          ? QString("%1 × %2 pixels").arg(pixels.width()).arg(pixels.height())
                          : QString("vectors; text stays text"));
    wanted.format = ExportFormat::png;
    wanted.scale = 1;
    if (int64_t{wanted.size.width()} * wanted.size.height() > most_preview_pixels)
        return m_preview->setText("too large to be shown here");
    preview(wanted, [this](const QByteArray& png) { showPicture(png); });
}

void ExportDialog::preview(const ExportOptions& wanted, std::function<void(const QByteArray&)> show) {
    delete m_previewing;
    m_previewed = false;
    m_previewing = new ExportJob(subject(), wanted, {}, this);
    connect(m_previewing, &ExportJob::ended, this,
            [this, show = std::move(show)](const QByteArray& content, const QString& problem) {
                m_previewed = true;
                problem.isEmpty() ? show(content) : m_preview->setText(problem);
            });
    m_previewing->start();
}

void ExportDialog::showPicture(const QByteArray& png) {
    QPixmap picture;
    picture.loadFromData(png, "PNG");
    const qreal dpr = devicePixelRatioF();
    QPixmap shown = picture.scaled(preview_size * dpr, Qt::KeepAspectRatio, Qt::SmoothTransformation);
    shown.setDevicePixelRatio(dpr);
    m_preview->setPixmap(shown);
}

void ExportDialog::write() {
    const ExportOptions wanted = options();
    const QString path = m_choose(fileNameFor(subject(), m_titles, wanted.format), suffixOf(wanted.format));
    if (path.isEmpty()) return;
    m_write->setEnabled(false);
    m_pixels->setText("writing …");
    auto* job = new ExportJob(subject(), wanted, path, this);
    connect(job, &ExportJob::ended, this, [this, job, path](const QByteArray&, const QString& problem) {
        job->deleteLater();
        m_write->setEnabled(true);
        if (problem.isEmpty()) {
            emit exportedTo(path);
            return accept();
        }
        m_pixels->setText(problem); // the dialog stays: another name may do
        setTone(m_pixels, Tone::bad);
    });
    job->start();
}

QString chooseFileToWrite(QWidget* parent, const QString& title, const QString& suggested, const QString& suffix) {
    QFileDialog dialog(parent, title, {}, QString("%1 (*.%2)").arg(suffix.toUpper(), suffix));
    dialog.setAcceptMode(QFileDialog::AcceptSave); // asks before it gives a name that is taken
    dialog.setDefaultSuffix(suffix);
    dialog.selectFile(suggested);
    return dialog.exec() == QDialog::Accepted ? dialog.selectedFiles().value(0) : QString();
}

} // namespace shardscope::gui
