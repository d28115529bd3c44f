#include "agent/file_intake/file_intake.h"

#include <algorithm>

#include "platform/log/log.h"
#include "platform/service/this_thread.h"

namespace tillsync {
namespace {

/// Files that come one after the other are looked at together.
constexpr std::chrono::milliseconds kHintsTogether{100};

}  // namespace

Result<std::unique_ptr<FileIntake>> FileIntake::start(Parts parts, IntakeLimits limits) {
  std::unique_ptr<FileIntake> intake(new FileIntake);
  auto watch = FolderWatch::open();
  if (!watch) return watch.error();
  intake->watch_ = std::move(*watch);
  intake->name_ = parts.name;
  intake->folder_path_ = parts.settings.folder;
  intake->clock_ = &parts.clock;
  intake->folder_ = std::make_unique<IntakeFolder>(
      IntakeFolder::Parts{parts.name, parts.settings, parts.journal, std::move(parts.store), parts.zone,
                          std::move(parts.disk_has_room), parts.clock, intake->stopping_,
                          [self = intake.get()](const IntakeCounts& counts) {
                            const std::lock_guard lock(self->mutex_);
                            self->counts_ = counts;
                          }},
      limits);
  intake->thread_ = std::thread([self = intake.get()] { self->loop(); });
  return intake;
}

FileIntake::~FileIntake() {
  stop();
}

void FileIntake::stop() {
  stopping_ = true;
  if (watch_) watch_->stop();
  if (thread_.joinable()) thread_.join();
}

IntakeCounts FileIntake::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void FileIntake::loop() {
  name_this_thread("intake");
  give_way_to_other_threads();  // who waits for an answer goes first
  log::info("intake.watches", {{"intake", name_}, {"folder", folder_path_}});
  while (!stopping_) {
    watch_->watch(folder_path_);  // before the look, so that what comes after it is a hint
    auto due = folder_->scan();
    const auto pace = clock_->steady_now() + kHintsTogether;
    for (auto now = clock_->steady_now(); now < due && !stopping_; now = clock_->steady_now()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now);
      if (watch_->wait(left) == FolderWatch::Woken::kHint) due = std::min(due, std::max(now, pace));
    }
  }
}

}  // namespace tillsync
