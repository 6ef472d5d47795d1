// SPDX-License-Identifier: Apache-2.0
// The main of test programs that need a QApplication. Compiled into the program itself, so that the plain main of the
// other tests stays out. Without a wish for a platform it runs offscreen, as in continuous integration.
#ifdef SHARDSCOPE_CATCH2_V2
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#else
#include <catch2/catch_session.hpp>
#endif
#include <QApplication>

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    return Catch::Session().run(argc, argv);
}
