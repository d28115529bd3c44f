// Tokens of terminals and operators: the commands `terminal` and `operator`. They write access.json, which a
// running daemon reads within a second.
#include <memory>

#include "agent/access/access_file.h"
#include "agent/cli/commands.h"
#include "agent/cli/table.h"
#include "platform/service/service_host.h"

namespace tillsync::cli {
namespace {

struct AccessOptions {
  std::string name, role, expires, id, by;
};

/// The end of that day, UTC.
Result<std::optional<UtcTime>> end_of(const std::string& day) {
  if (day.empty()) return std::optional<UtcTime>();
  const auto parsed = BusinessDay::parse(day);
  if (parsed) return std::optional<UtcTime>(parsed->day + std::chrono::days(1));
  return Error{ErrorKind::kInvalid, "usage",
               "\"" + day + "\" is no day; write the last one on which the token is good as YYYY-MM-DD"};
}

std::string who(const AccessOptions& options) {
  return options.by.empty() ? user_name() : options.by;
}

json::Object shown_entry(const AccessEntry& entry, UtcTime now) {
  json::Object out{{"name", entry.name}, {"id", entry.id}};
  if (entry.kind == AccessKind::kOperator) out.emplace_back("role", access_role_name(entry.role));
  out.emplace_back("state", entry.revoked_at ? "revoked" : entry.expired(now) ? "expired" : "live");
  out.emplace_back("created_at", format_utc(entry.created_at));
  out.emplace_back("created_by", entry.created_by);
  out.emplace_back("expires_at",
                   entry.expires_at ? json::Value(format_utc(*entry.expires_at)) : json::Value());
  out.emplace_back("revoked_at",
                   entry.revoked_at ? json::Value(format_utc(*entry.revoked_at)) : json::Value());
  out.emplace_back("revoked_by", entry.revoked_at ? json::Value(entry.revoked_by) : json::Value());
  return out;
}

Exit run_add(const Context& context, AccessKind kind, const AccessOptions& options) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const auto expires = end_of(options.expires);
  if (!expires) return fail(expires.error());
  AccessList::Grant grant{kind, options.name, access_role(options.role).value_or(AccessRole::kRead), *expires,
                          who(options)};
  SystemRandom random;
  AccessList::Given given;
  const UtcTime now = context.clock.utc_now();
  const auto done = change_access(settings->journal.path, [&](AccessList& list) -> Result<void> {
    auto added = list.add(grant, random, now);
    if (!added) return added.error();
    given = std::move(*added);
    return ok();
  });
  if (!done) return fail(done.error());
  if (context.json) {
    json::Object out = shown_entry(given.entry, now);
    out.emplace_back("token", given.token);
    print(json::dump(out) + "\n");
    return Exit::kDone;
  }
  print(given.token + "\n");
  // On the other stream, so that `> FILE` keeps the token alone.
  std::fputs("This is shown once and kept nowhere: give it to whom it is for.\n", stderr);
  return Exit::kDone;
}

Exit run_list(const Context& context, AccessKind kind) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  const auto list = load_access(access_file(settings->journal.path));
  if (!list) return fail(list.error());
  const UtcTime now = context.clock.utc_now();
  json::Array entries;
  for (const AccessEntry& entry : list->entries()) {
    if (entry.kind == kind) entries.emplace_back(shown_entry(entry, now));
  }
  const std::string kinds = std::string(access_kind_name(kind)) + "s";
  if (context.json) {
    print(json::dump(json::Object{{kinds, entries}}) + "\n");
    return Exit::kDone;
  }
  if (entries.empty()) {
    print("no " + std::string(access_kind_name(kind)) + " has a token\n");
    return Exit::kDone;
  }
  Table table{{"NAME", "TOKEN", "ROLE", "STATE", "CREATED", "BY", "EXPIRES", "REVOKED", "BY"}, {}, {}};
  for (const json::Value& e : entries) {
    table.rows.push_back({shown(e, "name"), shown(e, "id"), shown(e, "role"), shown(e, "state"),
                          shown(e, "created_at"), shown(e, "created_by"), shown(e, "expires_at"),
                          shown(e, "revoked_at"), shown(e, "revoked_by")});
  }
  print(table.text(is_terminal(Stream::kOutput) ? terminal_width() : 0));
  return Exit::kDone;
}

Exit run_revoke(const Context& context, AccessKind kind, const AccessOptions& options) {
  const auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  std::size_t count = 0;
  const auto done = change_access(settings->journal.path, [&](AccessList& list) -> Result<void> {
    auto revoked = list.revoke(kind, options.name, options.id, who(options), context.clock.utc_now());
    if (!revoked) return revoked.error();
    count = *revoked;
    return ok();
  });
  if (!done) return fail(done.error());
  if (context.json) {
    print(json::dump(json::Object{{"name", options.name}, {"revoked", static_cast<std::int64_t>(count)}}) +
          "\n");
  } else {
    print(options.name + ": " + std::to_string(count) + (count == 1 ? " token" : " tokens") + " revoked\n");
  }
  return Exit::kDone;
}

CLI::App* add_named(CLI::App& parent, Context& context, const CommandHelp& help,
                    const std::shared_ptr<AccessOptions>& options) {
  CLI::App* command = add_command(parent, context, help, JsonOption::kOffered);
  command->add_option("NAME", options->name, "whose token it is")->required();
  command->add_option("--by", options->by, "who does it (default: the user); it is kept");
  return command;
}

void add_kind(CLI::App& app, Context& context, AccessKind kind, const char* purpose, const char* add_examples,
              const char* list_example, const char* revoke_examples) {
  constexpr const char* kExits =
      "0 done; 1 there is no such token; 2 usage or settings; 4 the list cannot be used";
  CLI::App* group = app.add_subcommand(std::string(access_kind_name(kind)), purpose);
  group->require_subcommand(1);
  auto add = std::make_shared<AccessOptions>();
  CLI::App* command = add_named(
      *group, context, {"add", "makes a token and prints it, once; good at once", add_examples, kExits}, add);
  command->add_option("--expires", add->expires,
                      "the last day on which it is good, YYYY-MM-DD (default: none)");
  if (kind == AccessKind::kOperator) {
    command->add_option("--role", add->role, "read (look) or operate (decide too)")
        ->required()
        ->check(CLI::IsMember({"read", "operate"}));
  }
  command->callback([&context, kind, add] { context.exit = run_add(context, kind, *add); });
  command = add_command(
      *group, context, {"list", "every token ever made, without the tokens themselves", list_example, kExits},
      JsonOption::kOffered);
  command->callback([&context, kind] { context.exit = run_list(context, kind); });
  auto revoke = std::make_shared<AccessOptions>();
  command = add_named(
      *group, context,
      {"revoke", "ends the name's tokens, or one of them; within a second", revoke_examples, kExits}, revoke);
  command->add_option("--id", revoke->id, "that token alone, as `list` names it");
  command->callback([&context, kind, revoke] { context.exit = run_revoke(context, kind, *revoke); });
}

}  // namespace

void add_access(CLI::App& app, Context& context) {
  add_kind(app, context, AccessKind::kTerminal, "tokens of tills that post from beyond this machine",
           "  tillsync terminal add T1 > t1.token\n  tillsync terminal add T1 --expires 2027-12-31\n",
           "  tillsync terminal list\n",
           "  tillsync terminal revoke T1\n  tillsync terminal revoke T1 --id 0f3a9c2b1d4e\n");
  add_kind(app, context, AccessKind::kOperator, "tokens for the ops API from beyond this machine",
           "  tillsync operator add head-office --role read > head-office.token\n",
           "  tillsync operator list\n", "  tillsync operator revoke head-office\n");
}

}  // namespace tillsync::cli
