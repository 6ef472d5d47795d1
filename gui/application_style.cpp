// SPDX-License-Identifier: Apache-2.0
#include "gui/application_style.h"
#include "gui/style.h"
#include <QApplication>
#include <QPalette>
#include <QProxyStyle>
#include <QRegularExpression>
#include <QStyle>
#include <QVariant>
#include <QWidget>
#include <cmath>

// The icons live in a static library; the linker would drop them without this reference from the global namespace.
static void useIcons() { Q_INIT_RESOURCE(icons); }

namespace shardscope::gui {
namespace {

QPalette paletteOf(const Theme& theme) {
    QPalette palette;
    const QColor text = toColour(theme.text), panel = toColour(theme.panel), raised = toColour(theme.raised);
    const QColor faint = toColour(theme.faint), line = toColour(theme.line), accent = toColour(theme.accent);
    palette.setColor(QPalette::Window, panel);
    palette.setColor(QPalette::Base, toColour(theme.background));
    palette.setColor(QPalette::AlternateBase, raised);
    palette.setColor(QPalette::Button, raised);
    palette.setColor(QPalette::ToolTipBase, raised);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText})
        palette.setColor(role, text);
    palette.setColor(QPalette::PlaceholderText, toColour(theme.quiet));
    palette.setColor(QPalette::Highlight, accent);
    palette.setColor(QPalette::HighlightedText, readableOn(accent));
    palette.setColor(QPalette::Link, accent);
    palette.setColor(QPalette::Light, line); // Fusion draws its bevels from these
    palette.setColor(QPalette::Midlight, line);
    palette.setColor(QPalette::Mid, line);
    palette.setColor(QPalette::Dark, line);
    palette.setColor(QPalette::Shadow, toColour(theme.background));
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, faint);
    return palette;
}

// What the style sheet stands on.
class PlainStyle : public QProxyStyle {
public:
    PlainStyle()
        : QProxyStyle("Fusion") {}
    // The layout of a main window asks for this once, when it is made. Told another thickness than the style sheet has
    // later, it would never use again what a change of place left over.
    int pixelMetric(PixelMetric metric, const QStyleOption* option, const QWidget* widget) const override {
        return metric == PM_DockWidgetSeparatorExtent ? 1 : QProxyStyle::pixelMetric(metric, option, widget);
    }
};

// @name stands for a token of the theme.
const char* const sheet = R"(
QMainWindow::separator { background: @line; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: @accent; }
QMenuBar { background: @panel; color: @text; border-bottom: 1px solid @line; padding: 2px 6px; }
QMenuBar::item { padding: 4px 9px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: @raised; }
QMenu { background: @raised; color: @text; border: 1px solid @line; padding: 4px; }
QMenu::item { padding: 5px 26px 5px 22px; border-radius: 4px; }
QMenu::item:selected { background: @accent; color: @on_accent; }
QMenu::item:disabled { color: @faint; background: transparent; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }
QToolTip { background: @raised; color: @text; border: 1px solid @line; padding: 4px 6px; }
QToolBar { background: @panel; border: 0; border-bottom: 1px solid @line; padding: 6px 8px; spacing: 8px; }
QStatusBar { background: @panel; color: @dim; border-top: 1px solid @line; font-size: 12px; }
QStatusBar::item { border: 0; }
QStatusBar QLabel { color: @dim; font-size: 12px; padding: 0 8px; }
QToolButton, QPushButton { background: @raised; color: @text; border: 1px solid @line; border-radius: 7px;
  min-height: 26px; padding: 0 12px; }
QToolButton:hover, QPushButton:hover { border-color: @dim; }
QToolButton:pressed, QPushButton:pressed { background: @line; }
QToolButton:checked { background: @accent; color: @on_accent; border-color: @accent; }
QToolButton:disabled, QPushButton:disabled { color: @faint; }
QToolButton:checked:disabled { background: @line; color: @faint; border-color: @line; }
QToolButton:focus, QPushButton:focus { border-color: @accent; }
QToolButton::menu-indicator { image: none; }
QToolButton[primary="true"], QPushButton[primary="true"] { background: @accent; color: @on_accent;
  border-color: @accent; font-weight: 600; }
QToolButton[primary="true"]:disabled { background: @raised; color: @faint; border-color: @line; }
QToolButton[flat="true"] { background: transparent; border: 0; padding: 0; min-height: 20px; min-width: 20px;
  border-radius: 5px; }
QToolButton[flat="true"]:hover { background: @line; }
QToolButton[flat="true"]:focus { background: @line; color: @accent; }
QToolButton#baseline { min-height: 22px; padding: 0; border-radius: 5px; }
QFrame#segmented { background: @panel; border: 1px solid @line; border-radius: 7px; }
QFrame#segmented QToolButton { background: transparent; color: @dim; border: 0; border-radius: 0; min-height: 26px; }
QFrame#segmented QToolButton:hover { color: @text; }
QFrame#segmented QToolButton:checked { background: @accent; color: @on_accent; }
QFrame#segmented QToolButton:focus { border: 1px solid @accent; padding: 0 11px; min-height: 24px; }
QFrame#segmented QToolButton:checked:focus { border-color: @on_accent; }
QFrame#segmented QToolButton:disabled { color: @faint; }
QFrame#segmented QToolButton:checked:disabled { background: @line; color: @faint; }
QFrame#segmented QToolButton[edge="first"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QFrame#segmented QToolButton[edge="last"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px; }
QWidget#sectionHead QFrame#segmented QToolButton { min-height: 20px; padding: 0 9px; font-size: 11px; }
QWidget#sectionHead QFrame#segmented QToolButton:focus { min-height: 18px; padding: 0 8px; }
QWidget#sectionHead > QToolButton, QToolButton[small="true"] { min-height: 20px; padding: 0 9px; font-size: 11px; }
QTableView { background: @panel; alternate-background-color: @raised; color: @text; border: 0;
  selection-background-color: @accent; selection-color: @on_accent; }
QTableView::item { border: 0; padding: 0 8px; }
QHeaderView { background: @panel; }
QTableView[compact="true"]::item { padding: 0 3px 0 1px; }
QHeaderView::section { background: @panel; color: @dim; border: 0; border-bottom: 1px solid @line; padding: 4px 6px;
  font-size: 11px; font-weight: 600; }
QTableView QHeaderView::section { padding: 4px 5px 4px 11px; }
QTableView[compact="true"] QHeaderView::section { padding: 4px 0 4px 4px; }
QTabBar { background: @panel; }
QTabBar::tab { background: transparent; color: @dim; border: 0; border-bottom: 2px solid transparent;
  padding: 5px 12px; }
QTabBar::tab:hover { color: @text; }
QTabBar::tab:selected { color: @text; border-bottom-color: @accent; }
QTabBar::tab:focus { color: @accent; }
QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-origin: padding; subcontrol-position: top center; width: 6px;
  height: 6px; top: 1px; }
QLineEdit[small="true"] { min-height: 20px; font-size: 12px; }
QSplitter::handle { background: @line; }
QFrame#card { background: @raised; border: 1px solid @line; border-radius: 9px; }
QFrame#card[active="true"] { border-color: @accent; }
QFrame#card[attention="true"] { border-color: @attention; }
QFrame#card[failed="true"] { border-color: @bad; }
QLabel#factsLine { padding: 5px 12px; }
QLabel#chip { color: @dim; border: 1px solid @line; border-radius: 9px; padding: 1px 5px; font-size: 11px; }
QLabel[role="dim"], QCheckBox[role="dim"] { color: @dim; }
QLabel[role="faint"] { color: @quiet; }
QLabel[role="key"] { color: @accent; }
QLabel[tone="good"] { color: @good; }
QLabel[tone="bad"] { color: @bad; }
QLabel[tone="attention"] { color: @attention; }
QWidget#sectionHead { background: @panel; border-bottom: 1px solid @line; }
QWidget#sectionHead QLabel { color: @dim; }
QWidget#sectionHead QLabel[tone="good"] { color: @good; }
QWidget#sectionHead QLabel[tone="bad"] { color: @bad; }
QFrame#separator { background: @line; border: 0; }
QScrollArea, QScrollArea > QWidget > QWidget { background: @panel; border: 0; }
QWidget#canvasSide { background: @panel; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @line; border-radius: 3px; margin: 2px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: @faint; }
QAbstractScrollArea::corner { background: @panel; border: 0; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QLineEdit, QComboBox, QPlainTextEdit { background: @background; color: @text; border: 1px solid @line; border-radius: 7px;
  selection-background-color: @accent; selection-color: @on_accent; }
QLineEdit, QComboBox { min-height: 26px; padding: 0 8px; }
QLineEdit:focus, QComboBox:focus { border-color: @accent; }
QWidget[sought="true"] { background: @sought; border-radius: 6px; }
QAbstractSpinBox { background: @background; color: @text; border: 1px solid @line; border-radius: 7px; min-height: 26px;
  padding: 0 8px; selection-background-color: @accent; selection-color: @on_accent; }
QAbstractSpinBox:focus { border-color: @accent; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: 0; background: transparent; width: 18px; }
QAbstractSpinBox::up-button { subcontrol-position: top right; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; }
QAbstractSpinBox::up-arrow { image: url(:/icons/up.svg); width: 12px; height: 12px; }
QAbstractSpinBox::down-arrow { image: url(:/icons/down.svg); width: 12px; height: 12px; }
QSlider::groove:horizontal { background: @line; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; height: 4px; border-radius: 2px; }
QSlider::handle:horizontal { background: @accent; border: 2px solid @panel; width: 14px; height: 14px; margin: -7px 0;
  border-radius: 9px; }
QSlider:focus::handle:horizontal { border-color: @text; }
QLineEdit[invalid="true"] { border-color: @bad; }
QComboBox QLineEdit { border: 0; background: transparent; padding: 0; min-height: 0; }
QComboBox::drop-down { border: 0; width: 20px; }
QComboBox::down-arrow { image: url(:/icons/down.svg); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: @raised; color: @text; border: 1px solid @line; outline: 0;
  selection-background-color: @accent; selection-color: @on_accent; }
QPlainTextEdit { border: 0; border-radius: 0; padding: 8px; }
QPlainTextEdit::corner { background: @background; border: 0; }
QProgressBar { background: @raised; border: 0; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid @dim; border-radius: 4px; background: @background; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url(:/icons/check.svg); }
QCheckBox::indicator:focus { border-color: @accent; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QFileDialog QToolButton { padding: 0 4px; min-width: 18px; }
QFrame#tourFrame { background: transparent; border: 2px solid @accent; border-radius: 7px; }
QPushButton[link="true"] { background: transparent; border: 0; color: @accent; min-height: 20px; }
QPushButton[link="true"]:focus { text-decoration: underline; }
QFrame#card:focus { border-color: @accent; }
QTreeWidget, QTreeView, QListView { background: @panel; color: @text; border: 0; outline: 0; }
QTreeView::item { padding: 3px 2px; }
QTreeView::item:selected { background: @accent; color: @on_accent; }
QFrame#card QPlainTextEdit { border: 1px solid @line; border-radius: 7px; padding: 4px; }
QFrame#overlay { background: @panel; border: 1px solid @line; border-radius: 9px; }
QFrame#notice { background: @raised; border: 1px solid @bad; border-radius: 7px; margin: 8px; }
QFrame#notice[kind="note"] { border-color: @line; }
QFrame#notice[kind="question"] { margin: 0; border-color: @attention; }
)";

// Type and what holds type grow with the scale; borders and the rounding of corners stay.
QString scaled(QString text) {
    static const QRegularExpression size("((?:font-size|min-height|max-height|min-width): )(\\d+)px");
    if (uiScale() == 1) return text;
    qsizetype at = 0;
    for (auto match = size.match(text, at); match.hasMatch(); match = size.match(text, at)) {
        const QString pixels = QString::number(std::lround(match.captured(2).toInt() * uiScale())) + "px";
        text.replace(match.capturedStart(), match.capturedLength(), match.captured(1) + pixels);
        at = match.capturedStart() + match.captured(1).size() + pixels.size();
    }
    return text;
}

// Fonts that widgets were given; those they inherit follow by themselves. Their sizes are noted while widgets still
// look as the last scale made them, and changed after the style sheet, because a new sheet puts fonts back to what they
// were when it first saw them.
class GivenFonts {
public:
    explicit GivenFonts(float scale)
        : m_scale(scale) {
        if (m_scale == last) return;
        for (QWidget* widget : QApplication::allWidgets())
            if (isGiven(widget) && !widget->property(designed).isValid())
                widget->setProperty(designed,
                                    static_cast<double>(widget->font().pixelSize()) / static_cast<double>(last));
    }
    void apply() {
        if (m_scale == last) return;
        for (QWidget* widget : QApplication::allWidgets()) {
            const QVariant pixels = widget->property(designed);
            if (!isGiven(widget) || !pixels.isValid()) continue;
            QFont font = widget->font();
            font.setPixelSize(static_cast<int>(std::lround(pixels.toDouble() * static_cast<double>(m_scale))));
            widget->setFont(font);
            if (widget->property(seen_by_sheet).isValid()) widget->setProperty(seen_by_sheet, font);
        }
        last = m_scale;
    }

private:
    static constexpr const char* designed = "fontPixelsAtScale1";
    static constexpr const char* seen_by_sheet =
        "_q_styleSheetWidgetFont"; // where Qt's sheets keep a widget's own font
    static inline float last = 1;
    static bool isGiven(const QWidget* widget) {
        return widget->testAttribute(Qt::WA_SetFont) && widget->font().pixelSize() > 0;
    }
    float m_scale;
};

QString sheetOf(const Theme& theme) {
    QString text = QString::fromUtf8(sheet);
    const auto put = [&text](const char* name, const QColor& colour) { text.replace(name, colour.name()); };
    put("@on_accent", readableOn(toColour(theme.accent)));
    put("@background", toColour(theme.background));
    put("@panel", toColour(theme.panel));
    put("@sought", toColour(mix(theme.panel, theme.accent, 0.22f)));
    put("@raised", toColour(theme.raised));
    put("@line", toColour(theme.line));
    put("@text", toColour(theme.text));
    put("@dim", toColour(theme.dim));
    put("@quiet", toColour(theme.quiet));
    put("@faint", toColour(theme.faint));
    put("@accent", toColour(theme.accent));
    put("@good", toColour(theme.good));
    put("@bad", toColour(theme.bad));
    put("@attention", toColour(theme.attention));
    return scaled(std::move(text));
}

} // namespace

void prepareTheme(QApplication& application, const Theme& theme) {
    static const bool once = [&application] {
        useIcons();
        application.setStyle(new PlainStyle);
        return true;
    }();
    Q_UNUSED(once);
    application.setFont(uiFont());
    application.setPalette(paletteOf(theme));
}

void applyTheme(QApplication& application, const Theme& theme) {
    GivenFonts given(uiScale());
    prepareTheme(application, theme);
    // All widgets look up all their rules again, which is most of what a change of theme takes.
    if (const QString sheet = sheetOf(theme); sheet != application.styleSheet()) application.setStyleSheet(sheet);
    given.apply();
}

} // namespace shardscope::gui
