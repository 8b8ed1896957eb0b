// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/text.hpp>

#include <tomestimate/spec/load.hpp>

#include "catch.hpp"

using namespace tomestimate::spec;

TEST_CASE("text that prints as itself") {
  for (const auto* good : {"", "TOM", "\u00B5m, 3 \u00D7 10\u207B\u00B3", "\u4E2D\u6587",
                           "\U0001F600", "a\u00A0b", "<script>", "=1+1"}) {
    CAPTURE(good);
    CHECK_FALSE(first_unprintable(good));
    CHECK(visible(good) == good);
  }
}

TEST_CASE("text that does not") {
  const auto what = [](std::string_view text) { return first_unprintable(text).value().what; };
  CHECK(what("\033[2J") == "a control character (U+001B)");
  CHECK(what("a\nb") == "a control character (U+000A)");
  CHECK(what("a\tb") == "a control character (U+0009)");
  CHECK(what("\u009B") == "a control character (U+009B)");
  CHECK(what("a\u202Eb") == "a character that turns the direction of writing (U+202E)");
  CHECK(what("a\u200Bb") == "a character without a shape (U+200B)");
  CHECK(what("\xFF") == "no UTF-8 (byte FF)");
  CHECK(what("\xC0\xAF") == "no UTF-8 (byte C0)");          // "/" in two bytes
  CHECK(what("\xED\xA0\x80") == "no UTF-8 (byte ED)");      // half of a pair
  CHECK(what("\xF4\x90\x80\x80") == "no UTF-8 (byte F4)");  // above the last character
  CHECK(what("\xE4\xB8") == "no UTF-8 (byte E4)");          // cut
  CHECK(first_unprintable("ab\u202E")->offset == 2);
  CHECK(visible("a\033[31m\u202E\xFFz") == "a\\x1b[31m\\u{202e}\\xffz");
  CHECK(visible(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("long text is cut between characters") {
  CHECK(shortened("abcdef", 6) == "abcdef");
  CHECK(shortened("abcdefg", 6) == "abcdef...");
  CHECK(shortened("abcde\u00B5", 6) == "abcde...");
}

TEST_CASE("a spec takes printable text only, and says where it is not") {
  try {
    parse_hardware("kind = \"hardware\"\nname = \"a\\u001b[2Jb\"\n", "x.toml");
    FAIL("no error");
  } catch (const SpecError& e) {
    CHECK(format(e.diagnostics()[0]) ==
          "x.toml:2:8: error: text with a control character (U+001B): \"a\\x1b[2Jb\" "
          "(only printable text, on one line)");
  }
}

TEST_CASE("an error message is bounded, whatever is in it") {
  const std::string huge(1'000'000, 'x');
  CHECK(format({{huge, 1, 1}, huge, huge}).size() < 3000);
  CHECK(format({{"--set a=0", 0, 0}, "no", ""}) == "--set a=0: error: no");
}
