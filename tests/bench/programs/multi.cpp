// The ceiling of a replay: a plain libcurl-multi client that posts documents of the reference profile, some
// under way at once, its easy handles used again. It records nothing and decides nothing.
#include <curl/curl.h>
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/programs/support/measure.h"
#include "tests/bench/programs/support/sale.h"
#include "tests/bench/programs/support/socket.h"

namespace {

using namespace tillsync::bench;

constexpr std::string_view kKeyHeader = "Idempotency-Key: 0417/";

/// One easy handle with what it sends; the id is written over in place.
struct Post {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string body;
  std::size_t id_at = 0;
  std::string answer;

  ~Post() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

std::size_t take_answer(char* bytes, std::size_t, std::size_t count, void* answer) {
  static_cast<std::string*>(answer)->append(bytes, count);
  return count;
}

struct Client {
  CURLM* multi = curl_multi_init();
  Descriptor epoll{::epoll_create1(0)};
  long timeout_ms = -1;
  unsigned run = 0;
  std::uint64_t sent = 0, wanted = 0, good = 0, bad = 0;
};

int watch(CURL*, curl_socket_t socket, int what, void* client, void* known) {
  auto& self = *static_cast<Client*>(client);
  epoll_event event{};
  event.data.fd = socket;
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(self.epoll.get(), EPOLL_CTL_DEL, socket, &event);
    return 0;
  }
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  ::epoll_ctl(self.epoll.get(), known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
  if (known == nullptr) curl_multi_assign(self.multi, socket, client);
  return 0;
}

int take_timeout(CURLM*, long timeout_ms, void* client) {
  static_cast<Client*>(client)->timeout_ms = timeout_ms;
  return 0;
}

std::unique_ptr<Post> make_post(const Sale& sale, const std::string& url) {
  auto post = std::make_unique<Post>();
  const std::string head =
      R"({"reference":"0417/B0000-0000000000","step":"erp","store":"0417","sequence":1,"document":)";
  post->id_at = head.size() + sale.id_at();
  post->body = head + std::string(sale.text()) + "}";
  post->headers = curl_slist_append(nullptr, "Content-Type: application/json");
  post->headers =
      curl_slist_append(post->headers, (std::string(kKeyHeader) + "B0000-0000000000:erp").c_str());
  post->easy = curl_easy_init();
  curl_easy_setopt(post->easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(post->easy, CURLOPT_POST, 1L);
  curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, post->body.data());
  curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(post->body.size()));
  curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, post->headers);
  curl_easy_setopt(post->easy, CURLOPT_WRITEFUNCTION, take_answer);
  curl_easy_setopt(post->easy, CURLOPT_WRITEDATA, &post->answer);
  curl_easy_setopt(post->easy, CURLOPT_PRIVATE, post.get());
  curl_easy_setopt(post->easy, CURLOPT_NOSIGNAL, 1L);
  return post;
}

void send(Client& client, Post& post) {
  constexpr std::size_t kReferenceIdAt = 19;  // behind {"reference":"0417/
  const std::uint64_t number = client.sent++;
  Sale::write_id(post.body.data() + kReferenceIdAt, client.run, number);
  Sale::write_id(post.body.data() + post.id_at, client.run, number);
  Sale::write_id(post.headers->next->data + kKeyHeader.size(), client.run, number);
  post.answer.clear();
  curl_multi_add_handle(client.multi, post.easy);
}

void take_done(Client& client) {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(client.multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const bool whole = message->data.result == CURLE_OK;
    long status = 0;
    Post* post = nullptr;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &post);
    curl_multi_remove_handle(client.multi, easy);
    ++(whole && status == 201 ? client.good : client.bad);
    if (client.sent < client.wanted) send(client, *post);
  }
}

void run(Client& client) {
  epoll_event events[256];
  int running = 0;
  while (client.good + client.bad < client.wanted) {
    const int count = ::epoll_wait(client.epoll.get(), events, 256, static_cast<int>(client.timeout_ms));
    if (count == 0) curl_multi_socket_action(client.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    for (int i = 0; i < count; ++i) {
      const auto what = events[i].events;
      curl_multi_socket_action(client.multi, events[i].data.fd,
                               (what & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                   (what & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                   (what & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
                               &running);
    }
    take_done(client);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Client client;
  std::string base_url, sale_file = "tests/bench/load/sale.json";
  std::size_t concurrency = 32;
  client.wanted = 100'000;
  CLI::App app{"Posts documents with libcurl multi; prints one line of JSON"};
  app.add_option("--to", base_url, "http://HOST:PORT")->required();
  app.add_option("--concurrency", concurrency, "posts under way at once")->check(CLI::Range(1, 10'000));
  app.add_option("--documents", client.wanted, "how many in all");
  app.add_option("--run", client.run, "makes the ids of this run its own")->check(CLI::Range(0, 9'999));
  app.add_option("--sale", sale_file, "the template");
  CLI11_PARSE(app, argc, argv);

  const auto sale = Sale::load(sale_file);
  if (!sale) return std::fprintf(stderr, "bench_multi: %s\n", sale.error().detail.c_str()), 2;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  curl_multi_setopt(client.multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(client.multi, CURLMOPT_SOCKETDATA, &client);
  curl_multi_setopt(client.multi, CURLMOPT_TIMERFUNCTION, take_timeout);
  curl_multi_setopt(client.multi, CURLMOPT_TIMERDATA, &client);
  curl_multi_setopt(client.multi, CURLMOPT_MAXCONNECTS, static_cast<long>(concurrency));
  std::vector<std::unique_ptr<Post>> posts;
  const Instant begun = now();
  for (std::size_t i = 0; i < concurrency && client.sent < client.wanted; ++i)
    send(client, *posts.emplace_back(make_post(*sale, base_url + "/documents")));
  run(client);
  const double took = seconds_between(begun, now());
  std::printf("{\"documents\":%llu,\"bad\":%llu,\"seconds\":%.6f,\"per_second\":%.1f}\n",
              static_cast<unsigned long long>(client.good), static_cast<unsigned long long>(client.bad), took,
              static_cast<double>(client.good) / took);
  posts.clear();
  curl_multi_cleanup(client.multi);
  curl_global_cleanup();
  return client.bad == 0 ? 0 : 1;
}
