// SPDX-License-Identifier: Apache-2.0
#include "generate.hpp"

#include <cctype>

#include <fmt/format.h>

#include "common.hpp"
#include "formats.hpp"

namespace tomestimate::cli {
namespace {

bool hidden(const CLI::Option& option) { return option.get_group().empty(); }

// "TEXT:{a,b}" (what CLI::IsMember makes) is a|b, "UINT:INT in [1 - 9]" is UINT.
std::string value_name(const CLI::Option& option) {
  auto name = option.get_type_name();
  const auto colon = name.find(':');
  if (colon == std::string::npos) return name;
  if (name.compare(colon, 2, ":{") != 0 || name.back() != '}') return name.substr(0, colon);
  name = name.substr(colon + 2, name.size() - colon - 3);
  for (char& c : name)
    if (c == ',') c = '|';
  return name;
}

bool takes_many(const CLI::Option& option) {
  return option.get_items_expected_max() >= CLI::detail::expected_max_vector_size;
}

OptionPage option_page(const CLI::Option& option) {
  OptionPage page;
  for (const auto& name : option.get_snames()) page.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) page.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) {
    page.value = value_name(option);
    page.initial = option.get_default_str();
    page.repeats = takes_many(option);
  }
  page.doc = option.get_description();
  page.required = option.get_required();
  return page;
}

Page page_of(const CLI::App& app, const std::string& name) {
  Page page{name, app.get_description(), {}, {}};
  for (const auto* option : app.get_options()) {
    if (hidden(*option)) continue;
    if (option->nonpositional())
      page.options.push_back(option_page(*option));
    else
      page.arguments.push_back({option->get_name(), option->get_description(),
                                option->get_required(), takes_many(*option)});
  }
  return page;
}

// ---- the man page, in man(7) ----

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string synopsis(const Page& page) {
  auto out = bold("tomestimate " + page.name);
  for (const auto& a : page.arguments) {
    const auto name = italic(a.name) + (a.repeats ? "..." : "");
    out += a.required ? " " + name : " [" + name + "]";
  }
  for (const auto& o : page.options)
    if (o.required) out += " " + bold(o.names.back()) + " " + italic(o.value);
  return out + " [" + italic("OPTION") + "]...\n";
}

std::string item(const std::string& what, const std::string& doc) {
  return ".TP\n" + what + "\n" + roff(doc) + "\n";
}

std::string options_of(const Page& page) {
  std::string out;
  for (const auto& a : page.arguments) out += item(italic(a.name), a.doc);
  for (const auto& o : page.options) {
    std::string names;
    for (const auto& name : o.names) names += (names.empty() ? "" : ", ") + bold(name);
    auto doc = o.doc;
    if (!o.initial.empty()) doc += fmt::format(" (default: {})", o.initial);
    if (o.required) doc += " (required)";
    out += item(names + (o.value.empty() ? "" : " " + italic(o.value)), doc);
  }
  return out;
}

constexpr const char* description = R"(.B tomestimate
reads a hardware spec and a model spec (TOML) and says, per layer: ROM bandwidth, area driven by
sparsity, SRAM adapter and KV traffic, PE utilization, time, and energy with and without power gating;
what binds; and which assumptions the answer rests on.
A bundled bit-exact kernel runs the same layers in integers, and every closed-form count must equal
the counted one.
.PP
A spec is a file, or the name of an installed one without its ending, such as
.BR tom .
A spec that says
.B based_on = \(dqtom\(dq
needs only the values that differ;
.B tomestimate new
writes one to start from.
)";

constexpr const char* exit_status = R"(.TP
0
done
.TP
1
the answer is no: a count differs, a workload does not fit the SRAM, a file cannot be written, a
program that is needed is missing
.TP
2
bad spec, file or flag; the message says where
)";

constexpr const char* environment = R"(.TP
.B TMPDIR
where temporary folders are made, instead of /tmp
.TP
.B TOMESTIMATE_TIMEOUT
seconds that a run of gnuplot or yosys may take; else a minute for a figure, two hours for a tile
.TP
.B NO_COLOR
if set, nothing has colour
.TP
.B COLUMNS
width of text on a terminal that does not say its own
)";

constexpr const char* man_files = R"(.TP
.I PREFIX/share/tomestimate/specs/*.toml
hardware specs, model specs and published figures; PREFIX is where the program is installed, /usr if
by a package
.TP
.I PREFIX/share/tomestimate/specs/technology/*.toml
technologies that hardware specs name
.TP
.I PREFIX/share/tomestimate/specs/machine.md
what the machine is that the numbers of a hardware spec describe
)";

const std::vector<std::pair<std::string, std::string>>& examples() {
  static const std::vector<std::pair<std::string, std::string>> all{
      {"TOM on BitNet-2B, and what binds it:", "tomestimate estimate tom bitnet-2b"},
      {"The same with twice the lanes, as CSV:",
       "tomestimate estimate tom bitnet-2b --set base.lanes=32 --format csv --table summary"},
      {"What twice the lanes change, kept as a spec:",
       "tomestimate what-if tom bitnet-2b --set base.lanes=32 --save wide.toml"},
      {"Lanes against clock, below 4 W:",
       "tomestimate sweep tom bitnet-2b --vary base.lanes=8,16,32 --vary chip.clock=0.2..1GHz/5 "
       "--where 'power < 4[W]'"},
      {"The clock at which it decodes 3306 token/s:",
       "tomestimate solve tom bitnet-2b --vary chip.clock --target 'throughput=3306 token/s'"},
      {"What its power hangs on:", "tomestimate sensitivity tom bitnet-2b --metric power"},
      {"How far the estimate is from what was published:", "tomestimate published"},
  };
  return all;
}

}  // namespace

std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::vector<Page> pages(const CLI::App& app) {
  std::vector<Page> all{page_of(app, "")};
  for (const auto* command : app.get_subcommands({}))
    if (!command->get_group().empty()) all.push_back(page_of(*command, command->get_name()));
  return all;
}

std::vector<std::string> choices(const std::string& value) {
  if (value.find('|') == std::string::npos) return {};
  return CLI::detail::split(value, '|');
}

std::string man_page(const std::vector<Page>& all) {
  const auto& program = all.at(0);
  auto title = program.doc;
  title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(title[0])));
  if (title.ends_with('.')) title.pop_back();
  auto out = fmt::format(".TH TOMESTIMATE 1 \"{}\" \"tomestimate {}\" \"User Commands\"\n",
                         TOMESTIMATE_DATE, TOMESTIMATE_VERSION);
  out += ".SH NAME\ntomestimate \\- " + roff(title) + "\n.SH SYNOPSIS\n";
  for (const auto& page : all)
    if (&page != &program) out += (&page == &all[1] ? "" : ".br\n") + synopsis(page);
  out += std::string(".SH DESCRIPTION\n") + description + ".SH OPTIONS\n" + options_of(program);
  out += ".SH COMMANDS\n";
  for (const auto& page : all)
    if (&page != &program)
      out += ".SS " + roff(page.name) + "\n" + roff(page.doc) + ".\n" + options_of(page);
  out += std::string(".SH EXIT STATUS\n") + exit_status + ".SH ENVIRONMENT\n" + environment +
         ".SH FILES\n" + man_files + ".SH EXAMPLES\n";
  for (const auto& [why, command] : examples())
    out += (why == examples()[0].first ? "" : ".PP\n") + roff(why) + "\n.PP\n.nf\n.RS\n" +
           roff(command) + "\n.RE\n.fi\n";
  return out + ".SH SEE ALSO\n.BR tomestimate\\-spec (5)\n";
}

void add_generate_option(CLI::App& app) {
  app.add_option_function<std::string>(
         "--generate",
         [&app](const std::string& what) {
           const auto all = pages(app);
           deliver(what == "man"             ? man_page(all)
                   : what == "spec-man"      ? formats_man_page()
                   : what == "spec-markdown" ? formats_markdown()
                   : what == "bash"          ? bash_completion(all)
                   : what == "zsh"           ? zsh_completion(all)
                                             : fish_completion(all),
                   std::nullopt);
           throw CLI::Success();  // as --version: no command is needed
         },
         "write a man page, the formats of specs, or completions of a shell, to standard output")
      ->check(one_of({"man", "spec-man", "spec-markdown", "bash", "zsh", "fish"}))
      ->type_name("man|spec-man|spec-markdown|bash|zsh|fish");
}

}  // namespace tomestimate::cli
