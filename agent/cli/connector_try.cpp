#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "agent/assembly/daemon.h"
#include "agent/cli/commands.h"
#include "agent/cli/connector_rehearsal.h"
#include "agent/connectors/mapped/rehearsal.h"
#include "outbox/document/canonical.h"
#include "outbox/document/validation.h"
#include "platform/log/printable.h"
#include "platform/service/child_process.h"

namespace tillsync::cli {
namespace {

struct TryOptions {
  RehearsalOptions common;
  std::vector<std::string> document_files;
  std::string step;
  bool look_up = false;
  bool live = false;
};

Result<OutgoingDelivery> delivery_of(const Settings& settings, const TryOptions& options,
                                     const std::string& file, Sequence sequence, const std::string& target) {
  const auto text = read_file(file);
  if (!text) return text.error();
  const auto defaults = store_defaults(settings);
  if (!defaults) return defaults.error();
  const auto checked = parse_document(*text, *defaults);
  if (const auto* refusal = std::get_if<Refusal>(&checked)) {
    std::string detail = file + ": " + refusal->detail;
    for (const auto& fault : refusal->faults) detail += "; " + fault.pointer + ": " + fault.detail;
    return usage(detail);
  }
  const auto& document = std::get<Document>(checked);
  OutgoingDelivery delivery;
  delivery.key = {sequence, options.step.empty() ? target : options.step};
  delivery.type = document.type;
  delivery.store = settings.store.id;
  delivery.document_id = document.id;
  delivery.document = canonical_json(document);
  delivery.correlation_id = document.correlation_id.value_or(document.id);
  return delivery;
}

std::string_view signal_name(TargetSignal signal) {
  switch (signal) {
    case TargetSignal::kFine:
      return "fine";
    case TargetSignal::kUnreachable:
      return "unreachable";
    case TargetSignal::kThrottled:
      return "throttled";
    case TargetSignal::kUnauthorized:
      return "unauthorized";
  }
  return {};
}

json::Value as_json(const LimitsLeft& left) {
  json::Object out;
  const auto add = [&out](const char* name, const std::optional<LimitLeft>& limit) {
    if (!limit) return;
    json::Object one = {{"left", limit->requests}};
    if (limit->resets)
      one.emplace_back("resets_s", std::chrono::ceil<std::chrono::seconds>(*limit->resets).count());
    out.emplace_back(name, std::move(one));
  };
  add("burst", left.burst);
  add("day", left.day);
  return out;
}

json::Value as_json(const Rehearsal& rehearsal) {
  json::Array outcomes;
  for (const Outcome& outcome : rehearsal.outcomes) {
    json::Object one = {{"outcome", outcome_name(outcome.kind)},
                        {"signal", signal_name(outcome.signal)},
                        {"central_reference", outcome.central_reference},
                        {"reason", outcome.reason},
                        {"look_up", rehearsal.found},
                        {"requests", outcome.requests},
                        {"left", as_json(outcome.left)}};
    if (outcome.retry_after)
      one.emplace_back("retry_after_s",
                       std::chrono::ceil<std::chrono::seconds>(*outcome.retry_after).count());
    outcomes.emplace_back(std::move(one));
  }
  return json::Object{{"exchanges", exchanges_json(rehearsal.exchanges)}, {"outcomes", std::move(outcomes)}};
}

Exit told(const Context& context, const Rehearsal& rehearsal) {
  if (context.json) {
    print(json::dump(as_json(rehearsal)) + "\n");
  } else {
    for (const auto& exchange : rehearsal.exchanges) print_exchange(exchange);
    for (const Outcome& outcome : rehearsal.outcomes) {
      std::string line = rehearsal.found.empty() ? std::string(outcome_name(outcome.kind)) : rehearsal.found;
      if (!outcome.central_reference.empty()) line += " as " + outcome.central_reference;
      if (!outcome.reason.empty()) line += ": " + outcome.reason;
      print("= " + printable(line) + "\n");
    }
  }
  if (rehearsal.outcomes.empty()) {
    if (!context.json)
      print(
          "= not known: there is no answer to the last request; give it with --answers, or send it with "
          "--live\n");
    return Exit::kNo;
  }
  const bool good =
      std::all_of(rehearsal.outcomes.begin(), rehearsal.outcomes.end(),
                  [](const Outcome& outcome) { return outcome.kind == OutcomeKind::kDelivered; });
  return good || rehearsal.found == "absent" ? Exit::kDone : Exit::kNo;
}

Exit run_try(const Context& context, const TryOptions& options) {
  if (options.live && options.common.target.empty())
    return fail(usage("--live needs --target NAME: whose address and credential to use"));
  auto stage = set_stage(context, options.common);
  if (!stage) return fail(stage.error());
  RehearsalPlan plan;
  plan.target = stage->target;
  plan.settings = std::move(stage->settings_of_target);
  plan.parameters = std::move(stage->parameters);
  for (const std::string& file : options.document_files) {
    const Sequence sequence{static_cast<std::int64_t>(plan.deliveries.size()) + 1};
    auto delivery = delivery_of(stage->settings, options, file, sequence, plan.target);
    if (!delivery) return fail(delivery.error());
    plan.deliveries.push_back(std::move(*delivery));
  }
  plan.wire = {options.live, std::move(stage->answers)};
  plan.look_up = options.look_up;
  plan.connector = std::move(stage->connector);
  jq::Mapper mapper({own_program(), "jq-worker"});
  const auto rehearsal = rehearse(std::move(plan), mapper, context.clock);
  if (!rehearsal) return fail(rehearsal.error());
  return told(context, *rehearsal);
}

}  // namespace

void add_connector_try(CLI::App& connector, Context& context) {
  auto options = std::make_shared<TryOptions>();
  CLI::App* command = add_command(
      connector, context,
      {"try", "shows what a connector makes of a document: each request, each answer, the outcome",
       "  tillsync connector try acme.toml --document sale.json\n"
       "  tillsync connector try acme.toml --document sale.json --answers answers.ndjson\n"
       "  tillsync connector try acme.toml --document sale.json --target erp --live\n",
       "0 delivered (or absent, of a look-up); 1 any other outcome, or answers are missing; 2 usage or "
       "settings"},
      JsonOption::kOffered);
  add_rehearsal_options(*command, options->common);
  command
      ->add_option("--document", options->document_files,
                   "file with one document, as a till posts it; several make a batch")
      ->required();
  command->add_option("--step", options->step, "the route's step (default: the target's name)");
  command->add_flag("--look-up", options->look_up, "looks the document up instead of sending it");
  command->add_flag("--live", options->live, "really sends: the target books what it takes");
  command->callback([&context, options] { context.exit = run_try(context, *options); });
}

}  // namespace tillsync::cli
