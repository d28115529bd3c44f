#include "platform/http/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>
#include <unordered_map>

#include "platform/base/check.h"
#include "platform/http/transfer.h"

namespace tillsync::http {
namespace {

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Multi = std::unique_ptr<CURLM, MultiDeleter>;

/// Each `done` may lead to further requests: after so long they get onto the wire before the next ones run,
/// or all connections would beat in time, and wait for each other's answers.
constexpr std::chrono::milliseconds kDoneSlice{1};

bool initialized() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code == CURLE_OK;
}

}  // namespace

struct Client::Impl {
  struct Finished {
    std::function<void(Exchange)> done;
    Exchange exchange;
  };

  // `multi` is declared first: it goes last, when no easy handle refers to it.
  Multi multi;
  std::vector<std::unique_ptr<Transfer>> idle;
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;
  std::deque<Finished> finished;  ///< their `done` is to run, inside wait()
  std::atomic<bool> woken{false};

  ~Impl() {
    for (auto& [easy, transfer] : running) curl_multi_remove_handle(multi.get(), easy);
  }

  std::unique_ptr<Transfer> take_idle() {
    if (idle.empty()) {
      auto transfer = std::make_unique<Transfer>();
      transfer->easy.reset(curl_easy_init());
      return transfer;
    }
    auto transfer = std::move(idle.back());
    idle.pop_back();
    return transfer;
  }

  std::unique_ptr<Transfer> take(CURL* easy) {
    const auto found = running.find(easy);
    TILLSYNC_CHECK(found != running.end(), "libcurl reported a transfer of another client");
    auto transfer = std::move(found->second);
    running.erase(found);
    return transfer;
  }

  void recycle(std::unique_ptr<Transfer> transfer) {
    curl_multi_remove_handle(multi.get(), transfer->easy.get());
    clear(*transfer);
    idle.push_back(std::move(transfer));
  }

  void collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      auto transfer = take(message->easy_handle);
      finished.push_back({std::move(transfer->done), conclude(*transfer, code)});
      recycle(std::move(transfer));
    }
  }

  /// Whether any was there.
  bool run_finished() {
    if (finished.empty()) return false;
    const auto enough = std::chrono::steady_clock::now() + kDoneSlice;
    do {
      auto each = std::move(finished.front());
      finished.pop_front();
      each.done(std::move(each.exchange));
    } while (!finished.empty() && std::chrono::steady_clock::now() < enough);
    return true;
  }
};

std::string_view Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::open(std::size_t connections_per_host_max) {
  auto impl = std::make_unique<Impl>();
  if (initialized()) impl->multi.reset(curl_multi_init());
  if (!impl->multi) return Error{ErrorKind::kInternal, "http-client", "libcurl cannot be initialized"};
  curl_multi_setopt(impl->multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(connections_per_host_max));
  curl_multi_setopt(impl->multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(connections_per_host_max));
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

void Client::start(Request request, std::function<void(Exchange)> done) {
  const auto refuse = [&](Failure failure) {
    impl_->finished.push_back({std::move(done), std::move(failure)});
  };
  if (auto failure = refusal(request)) return refuse(std::move(*failure));

  auto transfer = impl_->take_idle();
  if (!transfer->easy) return refuse({false, "failed", "libcurl is out of memory"});
  if (const CURLcode code = prepare(*transfer, std::move(request)); code != CURLE_OK) {
    return refuse(
        {false, "failed", std::string("the request cannot be set up: ") + curl_easy_strerror(code)});
  }
  CURL* const easy = transfer->easy.get();
  if (const CURLMcode code = curl_multi_add_handle(impl_->multi.get(), easy); code != CURLM_OK) {
    return refuse(
        {false, "failed", std::string("the request cannot be started: ") + curl_multi_strerror(code)});
  }
  transfer->done = std::move(done);
  impl_->running.emplace(easy, std::move(transfer));
}

void Client::wait(std::chrono::milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  for (;;) {
    int running = 0;
    curl_multi_perform(impl_->multi.get(), &running);
    impl_->collect();
    const bool any = impl_->run_finished();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (impl_->woken.exchange(false) || any || left.count() <= 0) return;
    curl_multi_poll(impl_->multi.get(), nullptr, 0,
                    static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)), nullptr);
  }
}

void Client::wake() {
  // Once until wait() has taken notice: each wake-up is a byte through a socket.
  if (!impl_->woken.exchange(true)) curl_multi_wakeup(impl_->multi.get());
}

std::size_t Client::in_flight() const {
  return impl_->running.size() + impl_->finished.size();
}

void Client::cancel_all() {
  impl_->collect();
  auto cut = std::exchange(impl_->running, {});
  auto finished = std::exchange(impl_->finished, {});
  for (auto& [easy, transfer] : cut) {
    auto done = std::move(transfer->done);
    impl_->recycle(std::move(transfer));
    done(Failure{true, "cancelled", "the exchange was cut because this program stops"});
  }
  for (auto& each : finished) each.done(std::move(each.exchange));
}

Exchange perform(Request request) {
  auto client = Client::open(1);
  if (!client) return Failure{false, "failed", client.error().detail};
  std::optional<Exchange> exchange;
  (*client)->start(std::move(request), [&](Exchange result) { exchange = std::move(result); });
  while (!exchange) (*client)->wait(std::chrono::seconds(60));
  return std::move(*exchange);
}

}  // namespace tillsync::http
