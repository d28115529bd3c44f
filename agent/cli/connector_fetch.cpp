#include <fmt/format.h>
#include <algorithm>

#include "agent/cli/commands.h"
#include "agent/cli/connector_rehearsal.h"
#include "platform/log/printable.h"
#include "platform/service/child_process.h"

namespace tillsync::cli {
namespace {

constexpr int kPagesMax = 1000;
constexpr const char* kReadBack = "read_back";

struct FetchOptions {
  RehearsalOptions common;
  std::string what;
  std::optional<std::string> key, cursor, etag;
  int pages = 1;
};

json::Value or_null(const std::optional<std::string>& text) {
  return text ? json::Value(*text) : json::Value();
}

json::Value as_json(const RehearsedFetch& fetched) {
  json::Array pages;
  json::Object out;
  for (const Result<FetchPage>& page : fetched.pages) {
    if (!page) {
      out.emplace_back("error", page.error().detail);
      break;
    }
    pages.push_back(json::Object{{"rows", page->rows},
                                 {"next", or_null(page->next)},
                                 {"etag", or_null(page->etag)},
                                 {"not_modified", page->not_modified}});
  }
  out.emplace_back("pages", std::move(pages));
  out.emplace_back("exchanges", exchanges_json(fetched.exchanges));
  return out;
}

/// A row a line; what is to be given the next time goes to standard error, so that rows can be piped.
void print_pages(const RehearsedFetch& fetched) {
  for (const Result<FetchPage>& page : fetched.pages) {
    if (!page) return;
    for (const json::Value& row : page->rows) print(printable(json::dump(row), kFetchPageBytesMax) + "\n");
    if (page->not_modified) print("= not modified\n");
  }
}

Exit run_fetch(const Context& context, const FetchOptions& options) {
  const bool live = !options.common.target.empty() && options.common.answers_file.empty();
  if (!live && options.common.answers_file.empty())
    return fail(usage("name --target NAME, whose address and credential to use, or --answers FILE"));
  auto stage = set_stage(context, options.common);
  if (!stage) return fail(stage.error());
  FetchPlan plan;
  if (options.what == kReadBack) {
    const auto day = BusinessDay::parse(options.key.value_or(""));
    if (!day) return fail(usage("read_back needs --key DAY, e.g. --key 2026-11-23"));
    plan.day = *day;
  } else {
    plan.query.what = *fetch_from_name(options.what);
  }
  plan.query.key = options.key;
  plan.query.cursor = options.cursor;
  plan.query.etag = options.etag;
  plan.pages_max = static_cast<std::size_t>(options.pages);
  plan.connector = std::move(stage->connector);
  plan.target = std::move(stage->target);
  plan.settings = std::move(stage->settings_of_target);
  plan.parameters = std::move(stage->parameters);
  plan.store = stage->settings.store.id;
  plan.wire = {live, std::move(stage->answers)};
  jq::Mapper mapper({own_program(), "jq-worker"});
  const auto fetched = rehearse_fetch(std::move(plan), mapper, context.clock);
  if (!fetched) return fail(fetched.error());
  if (context.json) {
    print(json::dump(as_json(*fetched)) + "\n");
  } else {
    print_pages(*fetched);
  }
  const Result<FetchPage>& last = fetched->pages.back();
  if (!last) return fail(Exit::kNo, last.error().detail);
  if (last->next && !context.json)
    warn("there is more; go on with --cursor '" + *last->next + "', or read more at once with --pages");
  const bool found = std::any_of(fetched->pages.begin(), fetched->pages.end(),
                                 [](const auto& page) { return page->not_modified || !page->rows.empty(); });
  return found ? Exit::kDone : Exit::kNo;
}

}  // namespace

void add_connector_fetch(CLI::App& connector, Context& context) {
  auto options = std::make_shared<FetchOptions>();
  CLI::App* command = add_command(
      connector, context,
      {"fetch",
       "shows what a target holds of a customer, an article or a rule, or its list of a day; changes nothing",
       "  tillsync connector fetch tryton.toml stock --key SKU-1 --target erp\n"
       "  tillsync connector fetch tryton.toml customer --key 4711 --target erp --json\n"
       "  tillsync connector fetch tryton.toml read_back --key 2026-11-23 --target erp --pages 100\n",
       "0 there are rows, or nothing changed; 1 there is nothing, or no answer; 2 usage or settings"},
      JsonOption::kOffered);
  add_rehearsal_options(*command, options->common);
  std::vector<std::string> whats{kReadBack};
  for (const FetchWhat what : kFetchWhats) whats.emplace_back(fetch_name(what));
  command->add_option("WHAT", options->what, "customer, stock, price, refund_policy, or read_back")
      ->required()
      ->check(CLI::IsMember(whats));
  command->add_option("--key", options->key, "the customer's number, the SKU; the business day of read_back");
  command->add_option("--cursor", options->cursor, "where to go on, from the page before");
  command->add_option("--etag", options->etag,
                      "of what is known already: nothing comes where it still is so");
  command->add_option("--pages", options->pages, "how many pages to read at most (default 1)")
      ->check(CLI::Range(1, kPagesMax));
  command->callback([&context, options] { context.exit = run_fetch(context, *options); });
}

}  // namespace tillsync::cli
