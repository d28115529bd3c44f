#include <fmt/format.h>

#include <fstream>

#include "agent/cli/commands.h"
#include "agent/cli/table.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kAmendedBytesMax = 1024 * 1024;

struct ResolveOptions {
  std::vector<std::string> deliveries;
  std::string reason;
  std::string by;
  std::string document_file;
  bool all = false;
  std::string matching;
};

const json::Array& entries_of(const json::Value& list) {
  static const json::Array none;
  const json::Value* entries = list.find("quarantine");
  return entries != nullptr && entries->as_array() != nullptr ? *entries->as_array() : none;
}

Exit run_list(const Context& context) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const auto list = get_json(ops_endpoint(context, *settings), "/v1/quarantine");
  if (!list) return fail(list.error());
  if (context.json) {
    print(json::dump(*list) + "\n");
    return Exit::kDone;
  }
  if (entries_of(*list).empty()) {
    print("nothing is quarantined\n");
    return Exit::kDone;
  }
  Table table{{"DELIVERY", "DOCUMENT", "TYPE", "TARGET", "SINCE", "TRIES", "REASON"}, {5}, {}};
  for (const json::Value& e : entries_of(*list)) {
    table.rows.push_back({shown(e, "delivery"), shown(e, "document"), shown(e, "type"), shown(e, "target"),
                          shown(e, "since"), shown(e, "attempts"), shown(e, "reason")});
  }
  print(table.text(is_terminal(Stream::kOutput) ? terminal_width() : 0));
  print("\nresolve with `tillsync quarantine retry|amend|discard DELIVERY --reason \"…\"`\n");
  return Exit::kDone;
}

Exit run_show(const Context& context, const std::string& delivery) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const auto list = get_json(ops_endpoint(context, *settings), "/v1/quarantine");
  if (!list) return fail(list.error());
  for (const json::Value& entry : entries_of(*list)) {
    if (entry.text_of("delivery") != delivery) continue;
    if (context.json) {
      print(json::dump(entry) + "\n");
      return Exit::kDone;
    }
    for (const auto& [name, value] : *entry.as_object()) {
      if (name != "answer") print(name + ": " + shown(&value) + "\n");
    }
    if (const auto* answer = entry.find("answer")) {
      print("answer status: " + shown(*answer, "status") + "\nanswer: " + shown(*answer, "body") + "\n");
    }
    return Exit::kDone;
  }
  return fail(Exit::kNo, "delivery " + delivery + " is not quarantined; see `tillsync quarantine list`");
}

Result<json::Value> read_document(const std::string& file) {
  const auto wrong = [&file](const std::string& why) {
    return Error{ErrorKind::kInvalid, "document", "the document " + file + " " + why};
  };
  std::ifstream in(file, std::ios::binary);
  std::string text(kAmendedBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return wrong("cannot be read; check the path");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kAmendedBytesMax) return wrong("is larger than 1 MiB");
  auto parsed = json::parse(text);
  if (!parsed) return wrong("is no JSON: " + parsed.error().detail);
  return parsed;
}

// One delivery; what the daemon says goes to the person.
Exit resolve_one(const Context& context, const Endpoint& ops, const std::string& action,
                 const std::string& delivery, const std::string& body) {
  http::Request request =
      request_to(ops, "POST", "/v1/quarantine/" + percent_encoded(delivery) + "/" + action);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  const auto answer = exchange(ops, std::move(request));
  if (!answer) return fail(answer.error());
  if (answer->status < 200 || answer->status > 299) {
    Error problem = problem_of(*answer);
    problem.detail = delivery + ": " + problem.detail;
    return fail(problem);
  }
  if (context.json) {
    print(answer->body + "\n");
  } else {
    print(delivery + ": " +
          (action == "retry"   ? "will be tried again"
           : action == "amend" ? "amended, will be tried again"
                               : "discarded") +
          "\n");
  }
  return Exit::kDone;
}

Exit run_resolve(const Context& context, const std::string& action, ResolveOptions options) {
  const int ways = static_cast<int>(options.all) + static_cast<int>(!options.matching.empty()) +
                   static_cast<int>(!options.deliveries.empty());
  if (ways != 1) {
    return fail(Exit::kUsage, action == "amend"
                                  ? "no delivery is named; see `tillsync quarantine list`"
                                  : "name deliveries (see `tillsync quarantine list`), or give one "
                                    "of --matching and --all");
  }
  if (options.by.empty()) options.by = user_name();
  if (options.by.empty()) return fail(Exit::kUsage, "who decides this is not known; give --by NAME");
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const Endpoint ops = ops_endpoint(context, *settings);

  json::Object body = {{"reason", options.reason}, {"by", options.by}};
  if (action == "amend") {
    auto document = read_document(options.document_file);
    if (!document) return fail(document.error());
    body.emplace_back("document", std::move(*document));
  }
  if (options.all || !options.matching.empty()) {
    const auto list = get_json(ops, "/v1/quarantine");
    if (!list) return fail(list.error());
    for (const json::Value& entry : entries_of(*list)) {
      if (entry.text_of("reason").find(options.matching) != std::string_view::npos)
        options.deliveries.emplace_back(entry.text_of("delivery"));
    }
    if (options.deliveries.empty() && !context.json)
      print(options.all ? "nothing is quarantined\n" : "nothing is quarantined for such a reason\n");
  }
  const std::string text = json::dump(body);
  Exit worst = Exit::kDone;
  for (const std::string& delivery : options.deliveries) {
    const Exit one = resolve_one(context, ops, action, delivery, text);
    if (one == Exit::kUnreachable) return one;
    if (worst == Exit::kDone) worst = one;
  }
  return worst;
}

CLI::App* add_resolve(CLI::App& parent, Context& context, const CommandHelp& help,
                      std::shared_ptr<ResolveOptions> options) {
  CLI::App* command = add_command(parent, context, help, JsonOption::kOffered);
  command->add_option("DELIVERY", options->deliveries,
                      "as `tillsync quarantine list` shows it: SEQUENCE:STEP");
  command->add_option("--reason", options->reason, "why; it is kept with the decision")->required();
  command->add_option("--by", options->by, "who decides (default: the user)");
  add_caller_options(*command, context);
  const std::string action = help.name;
  command->callback([&context, action, options] {
    context.exit = options->reason.empty()
                       ? fail(Exit::kUsage, "--reason is empty; say why, it is kept with the decision")
                       : run_resolve(context, action, *options);
  });
  return command;
}

}  // namespace

void add_quarantine(CLI::App& app, Context& context) {
  constexpr const char* kExits =
      "0 done; 1 the daemon refuses (no such delivery, not quarantined); 2 usage or settings;\n"
      "  3 the daemon cannot be reached";
  CLI::App* quarantine =
      app.add_subcommand("quarantine", "lists and resolves what a target refused for good");
  quarantine->require_subcommand(1);
  CLI::App* list =
      add_command(*quarantine, context,
                  {"list", "each refused delivery, with the target's reason", "  tillsync quarantine list\n",
                   "0 shown; 2 usage or settings; 3 the daemon cannot be reached"},
                  JsonOption::kOffered);
  add_caller_options(*list, context);
  list->callback([&context] { context.exit = run_list(context); });

  CLI::App* show =
      add_command(*quarantine, context,
                  {"show", "one refused delivery with the target's own words, and what can be done",
                   "  tillsync quarantine show 1042:erp\n",
                   "0 shown; 1 it is not quarantined; 2 usage or settings; 3 the daemon cannot be reached"},
                  JsonOption::kOffered);
  add_caller_options(*show, context);
  auto shown_delivery = std::make_shared<std::string>();
  show->add_option("DELIVERY", *shown_delivery, "as `tillsync quarantine list` shows it")->required();
  show->callback([&context, shown_delivery] { context.exit = run_show(context, *shown_delivery); });

  auto retry = std::make_shared<ResolveOptions>();
  CLI::App* command =
      add_resolve(*quarantine, context,
                  {"retry", "tries deliveries again as they are",
                   "  tillsync quarantine retry 1042:erp --reason \"SKU was added\"\n"
                   "  tillsync quarantine retry --matching \"closed period\" --reason \"period "
                   "reopened\"\n"
                   "  tillsync quarantine retry --all --reason \"central was set up anew\"\n",
                   kExits},
                  retry);
  command->add_flag("--all", retry->all, "every delivery that is quarantined now");
  command->add_option("--matching", retry->matching, "every delivery whose reason has this text");

  auto amend = std::make_shared<ResolveOptions>();
  command = add_resolve(
      *quarantine, context,
      {"amend", "replaces what is sent by a corrected document; the journal keeps both",
       "  tillsync quarantine amend 1042:erp --document fixed.json --reason \"wrong SKU\"\n", kExits},
      amend);
  command->add_option("--document", amend->document_file, "file with the whole corrected document, JSON")
      ->required();
  command->get_option("DELIVERY")->expected(1);

  auto discard = std::make_shared<ResolveOptions>();
  command = add_resolve(*quarantine, context,
                        {"discard", "gives deliveries up for good; the document stays in the journal",
                         "  tillsync quarantine discard 1042:erp --reason \"booked by hand\"\n", kExits},
                        discard);
  command->add_option("--matching", discard->matching, "every delivery whose reason has this text");
}

}  // namespace tillsync::cli
