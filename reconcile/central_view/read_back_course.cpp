#include "reconcile/central_view/read_back_course.h"

namespace tillsync {

Result<void> ReadBackCourse::may_go_on() const {
  if (until_.stop.load()) return Error{ErrorKind::kUnavailable, "read-back-stopped", what_ + " was stopped"};
  if (clock_.steady_now() >= until_.deadline) {
    return Error{ErrorKind::kTimeout, "read-back-timeout",
                 what_ + " took longer than it may; what was known stands"};
  }
  return ok();
}

Result<void> ReadBackCourse::request() {
  if (auto on = may_go_on(); !on) return on.error();
  if (requests_ == limits_.pages_max) {
    return Error{
        ErrorKind::kInvalid, "read-back-too-long",
        what_ + ": more than " + std::to_string(limits_.pages_max) + " pages; raise the target's page size"};
  }
  ++requests_;
  return ok();
}

Result<void> ReadBackCourse::take(std::size_t rows) {
  rows_ += rows;
  if (rows_ <= limits_.rows_max) return ok();
  return Error{ErrorKind::kInvalid, "read-back-too-long",
               what_ + ": more than " + std::to_string(limits_.rows_max) + " rows for one day"};
}

Result<void> ReadBackCourse::follow(const std::string& cursor) {
  if (cursors_.insert(sha256(cursor)).second) return ok();
  return Error{
      ErrorKind::kInvalid, "read-back-loops",
      what_ + ": the target gave a cursor a second time, so its list has no end; its paging is broken"};
}

}  // namespace tillsync
