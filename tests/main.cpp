// SPDX-License-Identifier: Apache-2.0
// Catch2 v3 brings its own main (Catch2WithMain); v2 makes one here.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
