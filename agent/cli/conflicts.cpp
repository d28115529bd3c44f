#include <algorithm>

#include "agent/cli/commands.h"
#include "agent/cli/table.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

struct ListOptions {
  std::string day;
  std::string kind;
};

struct ResolveOptions {
  std::vector<std::string> ids;
  std::string choice;
  std::string reason;
  std::string by;
  std::string kind;
};

/// All pages of what is open, or a day's conflicts; of one kind where it is given.
Result<json::Array> read_conflicts(const Endpoint& ops, const std::string& day, const std::string& kind) {
  json::Array all;
  std::string path = "/v1/conflicts" + (day.empty() ? "" : "?business_day=" + percent_encoded(day));
  for (;;) {
    auto page = get_json(ops, path);
    if (!page) return page.error();
    const auto* list = page->find("conflicts");
    if (list == nullptr || list->as_array() == nullptr) return all;
    for (const auto& conflict : *list->as_array()) {
      if (kind.empty() || conflict.text_of("kind") == kind) all.push_back(conflict);
    }
    const std::string next(page->text_of("next"));
    if (next.empty()) return all;
    path = "/v1/conflicts?after=" + percent_encoded(next);
  }
}

std::string choices_of(const json::Value& conflict) {
  std::string list;
  const auto* choices = conflict.find("choices");
  if (choices == nullptr || choices->as_array() == nullptr) return list;
  for (const auto& choice : *choices->as_array()) {
    if (const auto* text = choice.as_string()) (list += list.empty() ? "" : "|") += *text;
  }
  return list;
}

Exit run_list(const Context& context, const ListOptions& options) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  auto list = read_conflicts(ops_endpoint(context, *settings), options.day, options.kind);
  if (!list) return fail(list.error());
  if (context.json) {
    print(json::dump(json::Object{{"conflicts", std::move(*list)}}) + "\n");
    return Exit::kDone;
  }
  if (list->empty()) {
    print(options.day.empty() ? "no conflict waits for a person\n" : "no conflicts on that day\n");
    return Exit::kDone;
  }
  Table table{{"ID", "KIND", "DOCUMENT", "DECISION", "CHOICES", "WHAT"}, {0}, {}};
  for (const auto& conflict : *list) {
    table.rows.push_back({shown(conflict, "id"), shown(conflict, "kind"), shown(conflict, "document"),
                          shown(conflict, "decision"), choices_of(conflict), shown(conflict, "explanation")});
  }
  print(table.text(is_terminal(Stream::kOutput) ? terminal_width() : 0));
  print(
      "\n`tillsync conflicts show ID` tells both sides; resolve with `tillsync conflicts resolve ID "
      "--choice … --reason \"…\"`\n");
  return Exit::kDone;
}

Exit run_show(const Context& context, const std::string& id, const std::string& day) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  auto list = read_conflicts(ops_endpoint(context, *settings), day, "");
  if (!list) return fail(list.error());
  const auto found = std::find_if(list->begin(), list->end(),
                                  [&](const json::Value& conflict) { return conflict.text_of("id") == id; });
  if (found == list->end()) {
    return fail(Exit::kNo, "there is no open conflict " + id + "; a decided one is found with --day");
  }
  if (context.json) {
    print(json::dump(*found) + "\n");
    return Exit::kDone;
  }
  for (const auto& [name, value] : *found->as_object()) print(name + ": " + shown(&value) + "\n");
  return Exit::kDone;
}

Exit resolve_one(const Context& context, const Endpoint& ops, const std::string& id,
                 const std::string& body) {
  http::Request request = request_to(ops, "POST", "/v1/conflicts/" + percent_encoded(id) + "/resolve");
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  const auto answer = exchange(ops, std::move(request));
  if (!answer) return fail(answer.error());
  if (answer->status < 200 || answer->status > 299) return fail(problem_of(*answer));
  const auto resolved = json::parse(answer->body);
  if (context.json) {
    print(answer->body + "\n");
  } else if (resolved) {
    print(id + ": " + shown(*resolved, "decision") + "\n");
  }
  return Exit::kDone;
}

Exit run_resolve(const Context& context, ResolveOptions options) {
  if (options.ids.empty() == options.kind.empty())
    return fail(Exit::kUsage, "name conflicts (see `tillsync conflicts list`) or give --kind, not both");
  if (options.by.empty()) options.by = user_name();
  if (options.by.empty()) return fail(Exit::kUsage, "who decides this is not known; give --by NAME");
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const Endpoint ops = ops_endpoint(context, *settings);
  if (!options.kind.empty()) {
    const auto list = read_conflicts(ops, "", options.kind);
    if (!list) return fail(list.error());
    for (const auto& conflict : *list) options.ids.emplace_back(conflict.text_of("id"));
    if (options.ids.empty() && !context.json) print("no conflict of that kind waits for a person\n");
  }
  const auto body =
      json::dump(json::Object{{"choice", options.choice}, {"reason", options.reason}, {"by", options.by}});
  Exit worst = Exit::kDone;
  for (const auto& id : options.ids) {
    const Exit one = resolve_one(context, ops, id, body);
    if (one == Exit::kUnreachable) return one;
    if (worst == Exit::kDone) worst = one;
  }
  return worst;
}

constexpr const char* kListExits = "0 shown; 2 usage or settings; 3 the daemon cannot be reached";

void add_list(CLI::App& conflicts, Context& context) {
  CLI::App* command = add_command(conflicts, context,
                                  {"list", "each conflict that waits for a person, or all of a business day",
                                   "  tillsync conflicts list\n"
                                   "  tillsync conflicts list --day 2026-11-23 --kind price-changed\n",
                                   kListExits},
                                  JsonOption::kOffered);
  add_caller_options(*command, context);
  auto options = std::make_shared<ListOptions>();
  command->add_option("--day", options->day, "all of this business day, the decided ones too");
  command->add_option("--kind", options->kind, "of this kind alone");
  command->callback([&context, options] { context.exit = run_list(context, *options); });
}

void add_show(CLI::App& conflicts, Context& context) {
  CLI::App* command = add_command(
      conflicts, context,
      {"show", "both sides of one conflict, and what can be chosen", "  tillsync conflicts show 1042\n",
       "0 shown; 1 there is no such conflict; 2 usage or settings; 3 the daemon "
       "cannot be reached"},
      JsonOption::kOffered);
  add_caller_options(*command, context);
  auto id = std::make_shared<std::string>();
  auto day = std::make_shared<std::string>();
  command->add_option("ID", *id, "as `tillsync conflicts list` shows it")->required();
  command->add_option("--day", *day, "look among all conflicts of this business day");
  command->callback([&context, id, day] { context.exit = run_show(context, *id, *day); });
}

void add_resolve(CLI::App& conflicts, Context& context) {
  CLI::App* command = add_command(
      conflicts, context,
      {"resolve", "decides conflicts; what waited for that is sent, or given up",
       "  tillsync conflicts resolve 1042 --choice store --reason \"asked the customer\"\n"
       "  tillsync conflicts resolve --kind return-over-quantity --choice approve --reason \"manager said "
       "so\"\n",
       "0 done; 1 the daemon refuses (no such conflict, decided already, no such choice); 2 usage or\n"
       "  settings; 3 the daemon cannot be reached"},
      JsonOption::kOffered);
  add_caller_options(*command, context);
  auto options = std::make_shared<ResolveOptions>();
  command->add_option("ID", options->ids, "as `tillsync conflicts list` shows it");
  command->add_option("--choice", options->choice, "one of the conflict's choices")->required();
  command->add_option("--reason", options->reason, "why; it is kept with the decision")->required();
  command->add_option("--by", options->by, "who decides (default: the user)");
  command->add_option("--kind", options->kind, "every open conflict of this kind");
  command->callback([&context, options] {
    context.exit = options->reason.empty()
                       ? fail(Exit::kUsage, "--reason is empty; say why, it is kept with the decision")
                       : run_resolve(context, *options);
  });
}

}  // namespace

void add_conflicts(CLI::App& app, Context& context) {
  CLI::App* conflicts =
      app.add_subcommand("conflicts", "lists and resolves where the store and central do not agree");
  conflicts->require_subcommand(1);
  add_list(*conflicts, context);
  add_show(*conflicts, context);
  add_resolve(*conflicts, context);
}

}  // namespace tillsync::cli
