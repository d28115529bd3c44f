// The NATS client protocol (docs.nats.io, "Client protocol") and JetStream's API over it.
#include <cstdlib>
#include <utility>

#include "tests/bench/programs/peer/dialogues.h"
#include "tests/bench/programs/support/socket.h"

namespace tillsync::bench {
namespace {

constexpr std::string_view kStream =
    R"({"name":"BENCH","subjects":["bench.>"],"storage":"file","retention":"limits"})";
constexpr std::string_view kInbox = "_INBOX.bench";

struct Message {
  std::size_t bytes = 0;  ///< with what stood before it; 0: not whole
  std::string_view payload;
  bool pinged = false;  ///< the server has asked whether the client lives
};

/// The first MSG in `in`; other lines before it are passed over.
Message read_message(std::string_view in) {
  Message out;
  for (std::size_t at = 0;;) {
    const auto rest = in.substr(at);
    const auto line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos) return {};
    if (rest.starts_with("PING")) out.pinged = true;
    if (!rest.starts_with("MSG ")) {
      if (rest.starts_with("-ERR")) return {at + line_end + 2, rest.substr(0, line_end)};
      at += line_end + 2;
      continue;
    }
    const auto size = std::strtoull(rest.data() + rest.substr(0, line_end).rfind(' '), nullptr, 10);
    if (rest.size() < line_end + 4 + size) return {};
    out.payload = rest.substr(line_end + 2, size);
    out.bytes = at + line_end + 4 + size;
    return out;
  }
}

class NatsDialogue final : public Dialogue {
 public:
  NatsDialogue(const Sale& sale, Numbers& numbers) : numbers_(numbers) {
    // An inbox is heard by every connection that has subscribed to it: each needs one of its own.
    inbox_ = std::string(kInbox) + "." + std::to_string(next_inbox_++);
    request_ = "PUB bench.sale " + inbox_ + " " + std::to_string(sale.text().size()) + "\r\n";
    id_at_ = request_.size() + sale.id_at();
    request_ += std::string(sale.text()) + "\r\n";
  }

  Result<void> open(int fd) override {
    std::string in;
    while (in.find("\r\n") == std::string::npos) {  // INFO
      if (auto got = receive_some(fd, in); !got) return got;
    }
    in.clear();
    const std::string hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB " + inbox_ +
                              " 1\r\nPUB $JS.API.STREAM.CREATE.BENCH " + inbox_ + " " +
                              std::to_string(kStream.size()) + "\r\n" + std::string(kStream) + "\r\n";
    if (auto sent = send_all(fd, hello); !sent) return sent;
    Message answer;
    while (answer = read_message(in), answer.bytes == 0) {
      if (auto got = receive_some(fd, in); !got) return got;
    }
    if (answer.payload.find("\"config\"") == std::string_view::npos)
      return Error{ErrorKind::kUnavailable, "nats", "no stream: " + std::string(answer.payload)};
    return send_all(fd, answer.pinged ? "PONG\r\n" : "");
  }

  std::string_view request() override {
    Sale::write_id(request_.data() + id_at_, numbers_.run, numbers_.next++);
    if (!std::exchange(pong_is_due_, false)) return request_;
    with_pong_ = "PONG\r\n" + request_;
    return with_pong_;
  }

  Answer answer(std::string_view in) override {
    const Message message = read_message(in);
    if (message.pinged) pong_is_due_ = true;
    const bool good = message.payload.find("\"seq\":") != std::string_view::npos;
    return {message.bytes, good ? 1u : 0u, good};
  }

 private:
  static inline int next_inbox_ = 0;
  Numbers& numbers_;
  std::string inbox_, request_, with_pong_;
  bool pong_is_due_ = false;
  std::size_t id_at_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> nats_dialogue(const Sale& sale, Numbers& numbers) {
  return std::make_unique<NatsDialogue>(sale, numbers);
}

}  // namespace tillsync::bench
