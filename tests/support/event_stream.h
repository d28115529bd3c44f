// Readers of answers that go on: curl as a child, and what it has got so far. Server-sent events are read by
// the letter of the HTML standard (section 9.2.6).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace tillsync::testing {

class CurlStream {
 public:
  /// `arguments`: curl's, the address among them.
  explicit CurlStream(const std::vector<std::string>& arguments) {
    ProcessOptions options;
    options.argv = {"/usr/bin/curl", "-sS", "-N", "--noproxy", "*", "-D", dir_.file("head")};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.output_file = dir_.file("body");
    process_ = ChildProcess(options);
  }

  std::string head() const { return file_text(dir_.file("head")); }
  std::string body() const { return file_text(dir_.file("body")); }
  /// Waits for it.
  bool body_ends_with(const std::string& text) {
    return eventually([&] { return body().ends_with(text); });
  }
  bool has_head() {
    return eventually([&] { return head().ends_with("\r\n\r\n") || !process_.running(); });
  }
  ChildProcess& process() { return process_; }
  /// curl's exit status once the server has ended the answer; nothing where it does not.
  std::optional<int> end(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    return process_.wait(patience);
  }

 private:
  TempDir dir_;
  ChildProcess process_;
};

struct ServerEvent {
  std::string id, name, data;
};

class EventStream {
 public:
  explicit EventStream(const std::vector<std::string>& arguments)
      : curl_(std::make_unique<CurlStream>(arguments)) {}

  /// The next event that is dispatched; nothing where the stream ends before, or `patience` does.
  std::optional<ServerEvent> next(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    std::optional<ServerEvent> event = dispatched();
    if (event) return event;
    eventually(
        [&] {
          const bool ended = !curl_->process().running();
          read();
          event = dispatched();
          return event || ended;
        },
        patience);
    return event;
  }
  /// Waits for the block without data that a stream begins with.
  bool greeted() {
    return eventually([&] {
      read();
      return !retry_ms_.empty() && !last_id_.empty();
    });
  }

  CurlStream& curl() { return *curl_; }
  const std::string& last_id() const { return last_id_; }
  const std::string& retry_ms() const { return retry_ms_; }
  int comments() const { return comments_; }

 private:
  std::optional<ServerEvent> dispatched() {
    if (next_event_ == events_.size()) return std::nullopt;
    return events_[next_event_++];
  }
  void read() {
    const std::string body = curl_->body();
    for (std::size_t end; (end = body.find('\n', read_)) != std::string::npos; read_ = end + 1)
      line(body.substr(read_, end - read_));
  }
  void line(const std::string& text) {
    if (text.empty()) {
      if (has_data_) events_.push_back({last_id_, name_.empty() ? "message" : name_, data_});
      name_.clear();
      data_.clear();
      has_data_ = false;
      return;
    }
    const auto colon = text.find(':');
    if (colon == 0) {
      ++comments_;
      return;
    }
    const std::string field = text.substr(0, colon);
    std::string value = colon == std::string::npos ? std::string() : text.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "event") name_ = value;
    if (field == "id") last_id_ = value;
    if (field == "retry") retry_ms_ = value;
    if (field != "data") return;
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += value;
  }

  std::unique_ptr<CurlStream> curl_;
  std::size_t read_ = 0;  ///< bytes of the body
  std::string name_, data_, last_id_, retry_ms_;
  bool has_data_ = false;
  std::vector<ServerEvent> events_;
  std::size_t next_event_ = 0;
  int comments_ = 0;
};

}  // namespace tillsync::testing
