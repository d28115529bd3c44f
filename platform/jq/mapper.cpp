#include "platform/jq/mapper.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "platform/base/check.h"
#include "platform/jq/protocol.h"
#include "platform/service/child_process.h"
#include "platform/service/this_thread.h"

namespace tillsync::jq {
namespace {

using protocol::Kind;
using Deadline = ChildProcess::Deadline;

/// Until a child that was started must be ready: it loads the program and some forty libraries. Not part of a
/// run's time.
constexpr std::chrono::seconds kStartMax{20};

/// All that a child gets. With a zone of its own a program gives the same output on every machine.
const std::vector<std::string> kEnvironment{"LC_ALL=C.UTF-8", "TZ=UTC0"};

Error stopped() {
  return {ErrorKind::kUnavailable, "jq-stopped", "the program was not run: this process stops"};
}

Error not_started(const std::string& why) {
  return {ErrorKind::kUnavailable, "jq-start", "the process that runs jq programs cannot be started: " + why};
}

Deadline after(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

struct Answer {
  Kind kind = Kind::kReady;
  std::string body;
};

/// Errors as ChildProcess's.
Result<Answer> receive_answer(ChildProcess& child, std::size_t bytes_max, Deadline deadline) {
  protocol::HeaderBytes bytes{};
  if (auto came = child.receive(bytes.data(), bytes.size(), deadline); !came) return came.error();
  const auto header = protocol::header_of(bytes);
  if (header.body_bytes > bytes_max)
    return Error{ErrorKind::kUnavailable, "process-ended", "it does not keep to the protocol"};
  Answer answer{header.kind, std::string(header.body_bytes, '\0')};
  if (auto came = child.receive(answer.body.data(), answer.body.size(), deadline); !came) return came.error();
  return answer;
}

Error error_of(const Answer& answer) {
  const auto line_end = answer.body.find('\n');
  if (answer.kind != Kind::kError || line_end == std::string::npos)
    return {ErrorKind::kInternal, "jq-protocol",
            "the process that runs jq programs does not keep to the protocol"};
  return {ErrorKind::kInvalid, answer.body.substr(0, line_end), answer.body.substr(line_end + 1)};
}

}  // namespace

struct Mapper::Impl {
 public:
  Impl(std::vector<std::string> worker, Limits limits)
      : worker_(std::move(worker)), limits_(limits), thread_([this] { loop(); }) {}
  ~Impl();

  void submit(Kind kind, std::string program, std::string input, Done done);
  Result<std::string> wait_for(Kind kind, std::string program, std::string input);

 private:
  struct Task {
    Kind kind;
    std::string program, input;
    Done done;
  };

  void loop();
  void refuse_all_waiting();
  Error busy() const;
  Result<std::string> serve(const Task& task);
  Result<Answer> ask(const Task& task);
  Result<void> start_child();
  Result<void> greet(ChildProcess& child);
  std::string end_child();
  bool stopping();

  const std::vector<std::string> worker_;
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::deque<Task> waiting_;
  std::vector<Done> refused_;  // told by the mapper's own thread as well
  bool stopping_ = false;
  std::optional<ChildProcess> child_;  // set and cleared by thread_ alone, so that it reads it unguarded
  std::thread thread_;                 // last: it starts when all the others are made
};

Mapper::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (child_) child_->interrupt();
  }
  wake_.notify_all();
  thread_.join();
}

bool Mapper::Impl::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

Error Mapper::Impl::busy() const {
  return {ErrorKind::kUnavailable, "jq-busy",
          std::to_string(limits_.waiting_max) + " jq programs wait for their turn already"};
}

void Mapper::Impl::submit(Kind kind, std::string program, std::string input, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      if (waiting_.size() < limits_.waiting_max) {
        waiting_.push_back({kind, std::move(program), std::move(input), std::move(done)});
      } else {
        refused_.push_back(std::move(done));
      }
      wake_.notify_one();
      return;
    }
  }
  done(stopped());  // out of a `done` on the mapper's own thread: nobody else may call by now
}

Result<std::string> Mapper::Impl::wait_for(Kind kind, std::string program, std::string input) {
  TILLSYNC_CHECK(std::this_thread::get_id() != thread_.get_id(), "the mapper's thread would wait for itself");
  // Shared: who waits may be gone before the mapper's thread has left set_value().
  const auto promise = std::make_shared<std::promise<Result<std::string>>>();
  submit(kind, std::move(program), std::move(input),
         [promise](Result<std::string> output) { promise->set_value(std::move(output)); });
  return promise->get_future().get();
}

void Mapper::Impl::loop() {
  name_this_thread("jq");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty() || !refused_.empty(); });
    if (stopping_) break;
    const auto refused = std::exchange(refused_, {});
    std::optional<Task> task;
    if (!waiting_.empty()) {
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    lock.unlock();
    for (const auto& done : refused) done(busy());
    if (task) task->done(serve(*task));
    task.reset();  // what it holds goes outside the lock
    lock.lock();
  }
  lock.unlock();
  end_child();
  refuse_all_waiting();
}

void Mapper::Impl::refuse_all_waiting() {
  std::unique_lock lock(mutex_);
  const auto waiting = std::exchange(waiting_, {});
  const auto refused = std::exchange(refused_, {});
  lock.unlock();
  for (const auto& task : waiting) task.done(stopped());
  for (const auto& done : refused) done(busy());
}

Result<std::string> Mapper::Impl::serve(const Task& task) {
  // There twice: as they came, and as what libjq makes of them.
  if (task.program.size() + task.input.size() > std::min(limits_.memory_bytes, protocol::kBodyBytesMax) / 2)
    return Error{ErrorKind::kInvalid, "jq-too-large", "program and input do not fit into the memory allowed"};
  // It may have been ended from outside since the last run: that is nothing that this program has done.
  if (child_ && !child_->is_quiet()) end_child();
  while (true) {
    const bool is_fresh = !child_;
    if (is_fresh) {
      if (auto started = start_child(); !started) return started.error();
    }
    auto answer = ask(task);
    if (answer && answer->kind == Kind::kOutput) return std::move(answer->body);
    if (answer) return error_of(*answer);
    const std::string how = end_child();
    if (stopping()) return stopped();
    if (answer.error().kind == ErrorKind::kTimeout) {
      return Error{ErrorKind::kTimeout, "jq-timeout",
                   "it ran longer than " + std::to_string(limits_.time.count()) + " ms, and was ended"};
    }
    // Once more, in a child of its own: what runs before it left in this one must not decide about it.
    if (is_fresh) {
      return Error{ErrorKind::kInvalid, "jq-ended",
                   "it ended the process that ran it (" + how + "): out of memory, or a defect of libjq"};
    }
  }
}

Result<Answer> Mapper::Impl::ask(const Task& task) {
  const auto program_bytes = static_cast<std::uint32_t>(task.program.size());
  const std::string request =
      task.kind == Kind::kRun
          ? protocol::frame(task.kind, protocol::bytes_of(program_bytes), task.program, task.input)
          : protocol::frame(task.kind, task.program);
  const Deadline deadline = after(limits_.time);
  if (auto sent = child_->send(request, deadline); !sent) return sent.error();
  return receive_answer(*child_, std::max(limits_.output_bytes, 2 * protocol::kErrorBytesMax), deadline);
}

Result<void> Mapper::Impl::start_child() {
  auto started = ChildProcess::start(worker_, kEnvironment);
  if (!started) return not_started(started.error().detail);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return stopped();
    child_.emplace(std::move(*started));
  }
  const auto greeted = greet(*child_);
  if (greeted) return ok();
  const std::string how = end_child();
  return stopping() ? stopped() : not_started(greeted.error().detail + " (" + how + ")");
}

Result<void> Mapper::Impl::greet(ChildProcess& child) {
  const protocol::WorkerLimits limits{limits_.memory_bytes, limits_.output_bytes};
  const Deadline deadline = after(kStartMax);
  if (auto sent = child.send(protocol::frame(Kind::kLimits, protocol::bytes_of(limits)), deadline); !sent)
    return sent;
  const auto answer = receive_answer(child, 0, deadline);
  if (!answer) return answer.error();
  return answer->kind == Kind::kReady ? ok() : Result<void>(error_of(*answer));
}

std::string Mapper::Impl::end_child() {
  std::optional<ChildProcess> ending;
  {
    const std::lock_guard lock(mutex_);
    ending = std::exchange(child_, std::nullopt);
  }
  return ending ? ending->end() : std::string();
}

Mapper::Mapper(std::vector<std::string> worker, Limits limits)
    : impl_(std::make_unique<Impl>(std::move(worker), limits)) {}
Mapper::~Mapper() = default;

void Mapper::run(std::string program, std::string input, Done done) {
  impl_->submit(Kind::kRun, std::move(program), std::move(input), std::move(done));
}

Result<std::string> Mapper::run_and_wait(std::string program, std::string input) {
  return impl_->wait_for(Kind::kRun, std::move(program), std::move(input));
}

Result<void> Mapper::check(const std::string& program) {
  const auto checked = impl_->wait_for(Kind::kCheck, program, "");
  return checked ? ok() : Result<void>(checked.error());
}

}  // namespace tillsync::jq
