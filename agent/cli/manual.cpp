// The man page and the shell completion, made of the very commands that --help tells of, so that neither can
// fall behind.
#include <algorithm>
#include <string>
#include <vector>

#include "agent/cli/manual.h"

namespace tillsync::cli {
namespace {

/// The commands of one level that people are told of, in their order.
std::vector<CLI::App*> shown_commands(CLI::App& app) {
  return app.get_subcommands([](CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<CLI::Option*> shown_options(CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
}

/// "{read,operate}" of an option that takes one of a list, without its braces; "" for any other.
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find('{'), close = type.find('}');
  return open == std::string::npos || close == std::string::npos ? ""
                                                                 : type.substr(open + 1, close - open - 1);
}

// --- man(7)

/// Text in roff: no character of it is a request, and a minus is one to copy.
std::string roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

/// What a command's help ends with: examples and exit statuses, with their line ends as they are.
std::string literal(const std::string& text) {
  return ".PP\n.nf\n" + roff(text) + (text.ends_with('\n') ? "" : "\n") + ".fi\n";
}

std::string option_entry(const CLI::Option& option) {
  const bool positional = option.get_positional();
  std::string entry = ".TP\n\\fB" + roff(option.get_name(positional, !positional)) + "\\fR";
  const std::string choices = choices_of(option);
  if (!choices.empty()) {
    entry += " " + roff(choices);
  } else if (!positional && option.get_type_size() != 0) {
    const std::string type = option.get_type_name();  // "FLOAT:FLOAT in [0 - 10]"
    entry += " \\fI" + roff(type.substr(0, type.find(':'))) + "\\fR";
  }
  return entry + "\n" + roff(option.get_description()) + "\n";
}

std::string usage_of(CLI::App& command, const std::string& name) {
  std::string usage = ".B " + roff(name);
  for (const CLI::Option* option : shown_options(command)) {
    if (!option->get_positional()) continue;
    const std::string more = option->get_expected_max() > 1 ? "..." : "";
    usage += " " + roff(option->get_required() ? option->get_name(true) + more
                                               : "[" + option->get_name(true) + more + "]");
  }
  return usage + roff(" [OPTIONS]") + "\n";
}

/// Options that every command has are told once.
bool is_common(const CLI::Option& option) {
  const std::string name = option.get_name(false, true);
  return name == "-h,--help" || name == "--config";
}

void add_command_page(CLI::App& command, const std::string& name, std::string& page) {
  const auto commands = shown_commands(command);
  if (commands.empty()) {
    page +=
        ".SS " + roff(name) + "\n" + roff(command.get_description()) + ".\n.PP\n" + usage_of(command, name);
    for (const CLI::Option* option : shown_options(command)) {
      if (!is_common(*option)) page += option_entry(*option);
    }
    if (!command.get_footer().empty()) page += literal(command.get_footer());
  }
  for (CLI::App* each : commands) add_command_page(*each, name + " " + each->get_name(), page);
}

std::string man_page(CLI::App& app) {
  std::string page =
      ".\\\" Made by `tillsync manual man`, of what --help tells.\n.TH TILLSYNC 1 \"\" "
      "\"tillsync " TILLSYNC_VERSION
      "\" \"User Commands\"\n.SH NAME\ntillsync \\- journal of a store's tills, and its way to central\n"
      ".SH SYNOPSIS\n.B tillsync\n.I COMMAND\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n";
  page += roff(app.get_description()) + "\n.SH OPTIONS\nEvery command has \\-\\-help and \\-\\-config too.\n";
  for (const CLI::Option* option : shown_options(app)) page += option_entry(*option);
  page += ".SH COMMANDS\n";
  for (CLI::App* command : shown_commands(app))
    add_command_page(*command, "tillsync " + command->get_name(), page);
  page += ".SH NOTES\n" + literal(app.get_footer());
  page +=
      ".SH FILES\n.TP\n.I /etc/tillsync/tillsync.toml\nThe settings, each told beside it.\n"
      ".TP\n.I /var/lib/tillsync\nThe journal.\n.TP\n.I /run/tillsync/till.sock\nWhere tills on this machine "
      "post.\n";
  return page;
}

// --- bash

/// Words that may follow the command: its commands, else its options.
std::string words_of(CLI::App& command) {
  std::string words;
  const auto add = [&words](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const CLI::App* each : shown_commands(command)) add(each->get_name());
  for (const CLI::Option* option : shown_options(command)) {
    for (const std::string& name : option->get_lnames()) add("--" + name);
  }
  return words;
}

struct Completion {
  std::string paths;    ///< patterns of "COMMAND WORD" that lead one command deeper
  std::string words;    ///< case branches: what may follow a command
  std::string choices;  ///< case branches: what may follow an option of a list
};

void add_completion(CLI::App& command, const std::string& path, Completion& out) {
  out.words += "    \"" + path + "\") words=\"" + words_of(command) + "\" ;;\n";
  for (const CLI::Option* option : shown_options(command)) {
    std::string choices = choices_of(*option);
    if (choices.empty()) continue;
    std::replace(choices.begin(), choices.end(), ',', ' ');
    for (const std::string& name : option->get_lnames())
      out.choices += "    \"" + path + " --" + name + "\") words=\"" + choices + "\" ;;\n";
  }
  for (CLI::App* each : shown_commands(command)) {
    const std::string deeper = path + " " + each->get_name();
    out.paths += (out.paths.empty() ? "\"" : " | \"") + deeper + "\"";
    add_completion(*each, deeper, out);
  }
}

std::string bash_completion(CLI::App& app) {
  Completion made;
  add_completion(app, "tillsync", made);
  return "# bash completion for tillsync; made by `tillsync manual bash`, of what --help tells.\n"
         "_tillsync() {\n"
         "  local path=tillsync previous=${COMP_WORDS[COMP_CWORD-1]} words= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n    " +
         made.paths +
         ") path=\"$path ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case $path in\n" +
         made.words +
         "  esac\n"
         "  case \"$path $previous\" in\n" +
         made.choices +
         "    *\" --\"*) if [[ $path != \"$path $previous\" && $previous == --* ]]; then words=; fi ;;\n"
         "  esac\n"
         "  # Where nothing of ours fits, bash completes file names.\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _tillsync tillsync\n";
}

}  // namespace

void add_manual(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("manual", "the man page, or the completion for bash, of these commands");
  command->group("");
  static std::string form;
  command->add_option("FORM", form, "what to write")->required()->check(CLI::IsMember({"man", "bash"}));
  command->callback([&app, &context] {
    print(form == "man" ? man_page(app) : bash_completion(app));
    context.exit = Exit::kDone;
  });
}

}  // namespace tillsync::cli
