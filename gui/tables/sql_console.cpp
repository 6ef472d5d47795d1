// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/sql_console.h"
#include "gui/panels/section.h"
#include "gui/style.h"
#include "gui/tables/table_view.h"
#include <QComboBox>
#include <QInputDialog>
#include <QKeyEvent>
#include <QPlainTextEdit>
#include <QSettings>
#include <QSplitter>
#include <QTextBlock>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

namespace shardscope::gui {
namespace {

constexpr const char* settings_key = "queries";

QToolButton* button(const QString& text, const QString& tooltip, const char* kind = "small") {
    auto* made = new QToolButton;
    made->setText(text);
    made->setToolTip(tooltip);
    made->setProperty("small", true);
    made->setProperty(kind, true);
    return made;
}

bool named(const std::vector<SavedQuery>& queries, const std::string& name) {
    return std::any_of(queries.begin(), queries.end(), [&](const SavedQuery& query) { return query.name == name; });
}

} // namespace

SqlConsole::SqlConsole(QWidget* parent)
    : QWidget(parent)
    , m_queries(new QComboBox)
    , m_editor(new QPlainTextEdit)
    , m_failure(roleLabel({}, "dim", metrics::font_small))
    , m_run(button("Run", "Ask the active trace (Ctrl+Return)", "primary"))
    , m_stop(button("Stop", "Withdraw the question"))
    , m_save(button("Save as…", "Keep this statement under a name"))
    , m_delete(button("Delete", "Forget the chosen statement; examples stay"))
    , m_results(new TableView("Query result")) {
    m_queries->setAccessibleName("Saved queries");
    m_queries->setMinimumContentsLength(8);
    m_queries->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_editor->setFont(monoFont());
    m_editor->setAccessibleName("SQL statement");
    m_editor->setPlaceholderText("SELECT … FROM event; Ctrl+Return runs it");
    m_editor->setTabChangesFocus(true);
    m_editor->installEventFilter(this);
    m_failure->setWordWrap(true);
    m_failure->setContentsMargins(10, 4, 10, 6);
    m_failure->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setTone(m_failure, Tone::bad);
    m_failure->hide();

    auto* tools = new QHBoxLayout;
    tools->setContentsMargins(8, 4, 8, 4);
    tools->setSpacing(6);
    tools->addWidget(m_queries, 1);
    for (QToolButton* tool : {m_save, m_delete, m_stop, m_run}) tools->addWidget(tool);
    auto* left = new QWidget;
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(tools);
    column->addWidget(m_editor, 1);
    column->addWidget(m_failure);
    auto* split = new QSplitter(Qt::Horizontal);
    split->setChildrenCollapsible(false);
    split->setHandleWidth(1);
    split->addWidget(left);
    split->addWidget(m_results);
    split->setSizes({440, 640});
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(split);

    connect(m_run, &QToolButton::clicked, this, &SqlConsole::run);
    connect(m_stop, &QToolButton::clicked, this, &SqlConsole::stop);
    connect(m_save, &QToolButton::clicked, this, [this] {
        bool accepted = false;
        const QString name = QInputDialog::getText(this, "Save query", "Name", QLineEdit::Normal, {}, &accepted);
        if (accepted && !saveAs(name))
            emit noticed("Choose another name; an example has this one, or it is empty.", true);
    });
    connect(m_delete, &QToolButton::clicked, this, [this] { remove(m_queries->currentText()); });
    connect(m_queries, &QComboBox::activated, this, &SqlConsole::choose);
    connect(m_editor, &QPlainTextEdit::textChanged, this, &SqlConsole::showState);
    connect(m_results, &TableView::activated, this, [this](const TableLink& link) {
        if (m_answered_path == m_path) // else the rows are of another trace
            emit activated(link);
        else
            emit noticed("These rows are of another trace; run the query again.", false);
    });
    connect(m_results, &TableView::noticed, this, &SqlConsole::noticed);
    connect(&m_job, &TableJob::ready, this, &SqlConsole::take);
    fillQueries();
    choose(0);
}

QString SqlConsole::failure() const { return m_failure->isHidden() ? QString() : m_failure->text(); }

void SqlConsole::setTrace(const std::string& path) {
    if (path == m_path) return;
    m_path = path;
    showState();
}

void SqlConsole::run() {
    const QString sql = m_editor->toPlainText();
    if (m_path.empty() || sql.trimmed().isEmpty()) return;
    m_asked = sql.toStdString();
    m_asked_path = m_path;
    m_failure->hide();
    m_job.ask([question = QueryQuestion{m_path, m_asked}](const std::atomic<bool>& stop) {
        return answerQuery(question, stop);
    });
    m_results->setSentence("Asking…"); // the rows of the question before stay until the answer is there
    showState();
}

void SqlConsole::stop() {
    if (!m_job.pending()) return;
    m_job.withdraw();
    m_results->setSentence("Stopped; the rows are of the question before.");
    showState();
}

void SqlConsole::take(const TableAnswer& answer) {
    if (answer.table) {
        m_answered_path = m_asked_path;
        m_results->setTable(answer.table);
    } else {
        m_results->setSentence("No answer");
        m_failure->setText(text(answer.failure));
        m_failure->show();
        if (answer.fault_at >= 0 && m_editor->toPlainText().toStdString() == m_asked) { // bring the cursor to the fault
            const QString before = QString::fromUtf8(m_asked.data(), static_cast<qsizetype>(answer.fault_at));
            QTextCursor cursor = m_editor->textCursor();
            cursor.setPosition(static_cast<int>(before.size()));
            cursor.movePosition(QTextCursor::EndOfWord, QTextCursor::KeepAnchor);
            m_editor->setTextCursor(cursor);
        }
    }
    showState();
}

void SqlConsole::showState() {
    const bool running = m_job.pending();
    m_run->setEnabled(!running && !m_path.empty() && !m_editor->toPlainText().trimmed().isEmpty());
    m_run->setVisible(!running); // one of both has something to do
    m_stop->setVisible(running);
    m_delete->setVisible(named(m_own, m_queries->currentText().toStdString()));
}

// --- queries with names --------------------------------------------------------------------------------------------

void SqlConsole::setRemembers(bool remembers) {
    m_remembers = remembers;
    if (!remembers) return;
    QSettings settings;
    const int count = settings.beginReadArray(settings_key);
    for (int i = 0; i < count; ++i) {
        settings.setArrayIndex(i);
        m_own.push_back(
            {settings.value("name").toString().toStdString(), settings.value("sql").toString().toStdString()});
    }
    settings.endArray();
    fillQueries();
}

void SqlConsole::store() const {
    if (!m_remembers) return;
    QSettings settings;
    settings.remove(settings_key);
    settings.beginWriteArray(settings_key, static_cast<int>(m_own.size()));
    for (size_t i = 0; i < m_own.size(); ++i) {
        settings.setArrayIndex(static_cast<int>(i));
        settings.setValue("name", text(m_own[i].name));
        settings.setValue("sql", text(m_own[i].sql));
    }
    settings.endArray();
}

void SqlConsole::fillQueries() {
    const QString chosen = m_queries->currentText();
    m_queries->clear();
    for (const SavedQuery& query : m_own) m_queries->addItem(text(query.name));
    if (!m_own.empty()) m_queries->insertSeparator(m_queries->count());
    for (const SavedQuery& query : builtInQueries()) m_queries->addItem(text(query.name));
    m_queries->setCurrentIndex(std::max(0, m_queries->findText(chosen)));
    showState();
}

void SqlConsole::choose(int index) {
    const std::string name = m_queries->itemText(index).toStdString();
    for (const std::vector<SavedQuery>* list : {&std::as_const(m_own), &builtInQueries()})
        for (const SavedQuery& query : *list)
            if (query.name == name) m_editor->setPlainText(text(query.sql));
    showState();
}

bool SqlConsole::saveAs(const QString& wanted) {
    const std::string name = wanted.trimmed().toStdString();
    if (name.empty() || named(builtInQueries(), name)) return false;
    std::erase_if(m_own, [&](const SavedQuery& query) { return query.name == name; });
    m_own.insert(m_own.begin(), {name, m_editor->toPlainText().toStdString()});
    store();
    fillQueries();
    m_queries->setCurrentIndex(m_queries->findText(text(name)));
    showState();
    return true;
}

void SqlConsole::remove(const QString& name) {
    std::erase_if(m_own, [&](const SavedQuery& query) { return text(query.name) == name; });
    store();
    fillQueries();
}

bool SqlConsole::eventFilter(QObject* watched, QEvent* event) {
    const bool key = event->type() == QEvent::KeyPress || event->type() == QEvent::ShortcutOverride;
    if (watched == m_editor && key) {
        const auto& pressed = static_cast<QKeyEvent&>(*event);
        const bool enter = pressed.key() == Qt::Key_Return || pressed.key() == Qt::Key_Enter;
        if (enter && pressed.modifiers() == Qt::ControlModifier) {
            event->accept();
            if (event->type() == QEvent::KeyPress) run();
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace shardscope::gui
