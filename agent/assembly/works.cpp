#include "agent/assembly/works.h"

#include <algorithm>
#include <future>

#include "agent/review/reviewing_port.h"
#include "outbox/planner/planner.h"
#include "platform/service/child_process.h"

namespace tillsync {
namespace {

/// Waits until the journal has taken `apply`, and all that was handed to it before.
Result<void> in_journal(JournalThread& journal, std::function<Result<void>(Journal&)> apply) {
  std::promise<Result<void>> done;
  auto future = done.get_future();
  journal.run(std::move(apply), [&done](Result<void> result) { done.set_value(std::move(result)); });
  return future.get();
}

}  // namespace

Works::Works(Settings settings, const Host& host)
    : settings_(std::move(settings)), host_(host), allowances_(host_.clock) {}

Works::~Works() {
  stop();
}

Result<std::unique_ptr<Works>> Works::start(Settings settings, const Host& host) {
  std::unique_ptr<Works> works(new Works(std::move(settings), host));
  works->mapper_ = works->make_mapper();
  for (auto step : {&Works::begin, &Works::start_reviewer, &Works::start_reconcile, &Works::start_delivery,
                    &Works::start_intakes}) {
    if (auto done = (works.get()->*step)(); !done) return done.error();
  }
  works->make_ops_api();
  return works;
}

void Works::stop() {
  if (stopping_.exchange(true)) return;
  for (auto& [name, intake] : intakes_) intake->stop();
  if (reviewer_) reviewer_->stop();  // what waits there is put off
  if (delivery_) delivery_->stop();
  if (reconcile_) reconcile_->stop();
  if (!delivery_) return;
  // What was handed to the journal is answered into these objects.
  (void)in_journal(host_.journal, [](Journal&) { return ok(); });
  delivery_->end();
}

/// Routes and lanes in one task: tasks keep their order, so that whatever was decided or sent before shows.
Result<void> Works::begin() {
  return in_journal(host_.journal, [this](Journal& journal) -> Result<void> {
    if (auto set = journal.set_routes(routes_from(settings_)); !set) return set.error();
    for (const auto& [name, target] : settings_.targets) {
      auto lane = journal.lane(name);
      if (!lane) return lane.error();
      lanes_[name] = *lane;
    }
    head_ = journal.head().sequence;
    return ok();
  });
}

std::unique_ptr<jq::Mapper> Works::make_mapper() const {
  const auto& targets = settings_.targets;
  const bool wanted = std::any_of(targets.begin(), targets.end(),
                                  [](const auto& each) { return !each.second.connector_file.empty(); });
  return wanted ? std::make_unique<jq::Mapper>(std::vector<std::string>{own_program(), "jq-worker"})
                : nullptr;
}

Result<std::unique_ptr<TargetPort>> Works::target_port(const std::string& name, http::Client& client,
                                                       const DeliveryLoop::Parts::Post& post) {
  std::optional<Mapping> mapping;
  if (mapper_) mapping.emplace(*mapper_, post);
  const file::FileHost files{settings_.journal.path, post, [this] { return host_.disk.make_room(); }};
  auto port = make_target_port(name, settings_.targets.at(name), settings_.store.id, client, host_.clock,
                               read_secret, mapping, files);
  if (!port || !reviewer_->wants_any()) return port;
  return std::unique_ptr<TargetPort>(
      std::make_unique<ReviewingPort>(name, std::move(*port), *reviewer_, post));
}

Result<std::unique_ptr<FetchPort>> Works::fetch_port(const std::string& name) {
  return make_fetch(name, settings_.targets.at(name), settings_.store.id, host_.clock, read_secret,
                    mapper_.get(), &allowances_, [this] { return stopping_.load(); });
}

Result<void> Works::start_reviewer() {
  reviewer_ = std::make_unique<Reviewer>(
      Reviewer::Parts{settings_, host_.store, routes_from(settings_), host_.journal, host_.trade, host_.clock,
                      [this](const std::string& name) { return fetch_port(name); }, host_.damaged});
  return ok();
}

Result<void> Works::start_reconcile() {
  auto reconcile = ReconcileLoop::start(ReconcileLoop::Parts{
      settings_, host_.store, host_.clock,
      [this](const std::string& name) {
        return make_read_back(name, settings_.targets.at(name), settings_.store.id, host_.clock, read_secret,
                              mapper_.get(), [this] { return stopping_.load(); });
      },
      // Half of the reserve is for outcomes and decisions alone: a read-back can be had again.
      [this] { return host_.disk.make_room(settings_.journal.disk_reserve_mib * 1024 * 1024 / 2); },
      host_.damaged, [this](const std::string& name) { return fetch_port(name); }, &host_.journal,
      &host_.trade});
  if (!reconcile) return reconcile.error();
  reconcile_ = std::move(*reconcile);
  return ok();
}

Result<void> Works::start_delivery() {
  auto delivery = DeliveryLoop::start(
      DeliveryLoop::Parts{
          settings_, host_.journal, host_.clock, host_.random,
          [this](const std::string& name, http::Client& client, const DeliveryLoop::Parts::Post& post) {
            return target_port(name, client, post);
          },
          [this](const std::string&, bool was_away) { reconcile_->drained(was_away); }, host_.damaged},
      lanes_, head_);
  if (!delivery) return delivery.error();
  delivery_ = std::move(*delivery);
  return ok();
}

Result<void> Works::start_intakes() {
  if (settings_.intakes.empty()) return ok();
  const auto zone = TimeZone::find(settings_.store.time_zone);
  if (!zone) return zone.error();
  for (const auto& [name, settings] : settings_.intakes) {
    auto intake = FileIntake::start({name, settings, host_.journal, host_.store, *zone,
                                     [this] { return host_.disk.has_room(); }, host_.clock});
    if (!intake) return intake.error();
    intakes_[name] = std::move(*intake);
  }
  return ok();
}

void Works::make_ops_api() {
  ops_api_ = std::make_unique<OpsApi>(
      OpsApi::Parts{settings_, host_.store, host_.journal, *delivery_, *reconcile_, host_.workers,
                    host_.metrics, host_.accepting,
                    [this] {
                      return DiskSample{host_.disk.free_bytes(), host_.disk.reserve_bytes()};
                    },
                    host_.clock, [this] { return intake_counts(); }, host_.report_key, host_.access,
                    host_.settings_state, host_.decided, host_.started_at});
}

std::map<std::string, IntakeCounts> Works::intake_counts() const {
  std::map<std::string, IntakeCounts> counts;
  for (const auto& [name, intake] : intakes_) counts[name] = intake->counts();
  return counts;
}

}  // namespace tillsync
