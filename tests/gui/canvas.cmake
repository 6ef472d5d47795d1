# SPDX-License-Identifier: Apache-2.0
# Tests of the canvases. Included where Qt6 and ImGui were found.
find_package(Qt6 REQUIRED COMPONENTS Widgets OpenGL OpenGLWidgets Test)
if(NOT TARGET PkgConfig::IMGUI)
  pkg_check_modules(IMGUI REQUIRED IMPORTED_TARGET imgui)
endif()
add_library(shardscope_qt_catch OBJECT qt_catch_main.cpp)
target_link_libraries(shardscope_qt_catch PUBLIC shardscope_options shardscope_catch Qt6::Widgets)

shardscope_test(canvas
  SOURCES canvas_rasteriser_test.cpp canvas_widget_test.cpp canvas_format_test.cpp timeline_cache_test.cpp
          memory_draw_test.cpp vector_record_test.cpp
          timeline_draw_test.cpp timeline_groups_test.cpp timeline_input_test.cpp $<TARGET_OBJECTS:shardscope_qt_catch>
  LINKS shardscope::canvas shardscope_sample_trace PkgConfig::IMGUI Qt6::Widgets Qt6::Test
  LABELS gui)
