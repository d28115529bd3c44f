// AMQP 0-9-1 by hand: frames of section 4.2.3, methods of the specification's class list, confirms as
// RabbitMQ added them.
#include "tests/bench/programs/peer/dialogues.h"
#include "tests/bench/programs/support/socket.h"

namespace tillsync::bench {
namespace {

constexpr char kFrameEnd = static_cast<char>(0xCE);
constexpr std::size_t kFrameAround = 8;  // type, channel, size; the end

std::string integer(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}
std::uint64_t integer_at(std::string_view in, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<unsigned char>(in[at + static_cast<std::size_t>(i)]);
  return value;
}
std::string short_text(std::string_view text) {
  return integer(text.size(), 1) + std::string(text);
}
std::string long_text(std::string_view text) {
  return integer(text.size(), 4) + std::string(text);
}
std::string frame(int type, int channel, const std::string& payload) {
  return integer(static_cast<std::uint64_t>(type), 1) + integer(static_cast<std::uint64_t>(channel), 2) +
         integer(payload.size(), 4) + payload + kFrameEnd;
}
std::string method(int channel, std::uint32_t class_and_method, const std::string& arguments) {
  return frame(1, channel, integer(class_and_method, 4) + arguments);
}

// Class and method, 16 bits each.
constexpr std::uint32_t kStart = 10 << 16 | 10, kStartOk = 10 << 16 | 11, kTune = 10 << 16 | 30,
                        kTuneOk = 10 << 16 | 31, kOpen = 10 << 16 | 40, kOpenOk = 10 << 16 | 41,
                        kChannelOpen = 20 << 16 | 10, kChannelOpenOk = 20 << 16 | 11,
                        kDeclare = 50 << 16 | 10, kDeclareOk = 50 << 16 | 11, kSelect = 85 << 16 | 10,
                        kSelectOk = 85 << 16 | 11, kPublish = 60 << 16 | 40, kAck = 60 << 16 | 80;

/// The bytes of the whole frame at the front of `in`, and its method; 0 where it is not whole.
std::size_t read_frame(std::string_view in, std::uint32_t& class_and_method) {
  if (in.size() < 7) return 0;
  const auto size = integer_at(in, 3, 4);
  if (in.size() < size + kFrameAround) return 0;
  class_and_method = in[0] == 1 ? static_cast<std::uint32_t>(integer_at(in, 7, 4)) : 0;
  return size + kFrameAround;
}

class AmqpDialogue final : public Dialogue {
 public:
  AmqpDialogue(const Sale& sale, Numbers& numbers, const std::string& queue_kind)
      : numbers_(numbers), queue_kind_(queue_kind), queue_("bench-" + queue_kind) {
    constexpr std::uint64_t kHasDeliveryMode = 1 << 12, kPersistent = 2;
    request_ = method(1, kPublish, integer(0, 2) + short_text("") + short_text(queue_) + integer(0, 1));
    request_ += frame(2, 1,
                      integer(60, 2) + integer(0, 2) + integer(sale.text().size(), 8) +
                          integer(kHasDeliveryMode, 2) + integer(kPersistent, 1));
    id_at_ = request_.size() + kFrameAround - 1 + sale.id_at();
    request_ += frame(3, 1, std::string(sale.text()));
  }

  Result<void> open(int fd) override {
    constexpr std::uint64_t kDurable = 2, kFrameBytesMax = 131'072;
    const std::string arguments =
        short_text("x-queue-type") + "S" + long_text(queue_kind_);  // a table of one text
    const std::pair<std::string, std::uint32_t> steps[] = {
        {std::string("AMQP\0\0\x09\x01", 8), kStart},
        {method(0, kStartOk,
                integer(0, 4) + short_text("PLAIN") + long_text(std::string("\0guest\0guest", 12)) +
                    short_text("en_US")),
         kTune},
        {method(0, kTuneOk, integer(1, 2) + integer(kFrameBytesMax, 4) + integer(0, 2)) +
             method(0, kOpen, short_text("/") + short_text("") + integer(0, 1)),
         kOpenOk},
        {method(1, kChannelOpen, short_text("")), kChannelOpenOk},
        {method(1, kDeclare,
                integer(0, 2) + short_text(queue_) + integer(kDurable, 1) + long_text(arguments)),
         kDeclareOk},
        {method(1, kSelect, integer(0, 1)), kSelectOk},
    };
    for (const auto& [bytes, wanted] : steps) {
      if (auto sent = send_all(fd, bytes); !sent) return sent;
      if (auto got = expect(fd, wanted); !got) return got;
    }
    return ok();
  }

  std::string_view request() override {
    Sale::write_id(request_.data() + id_at_, numbers_.run, numbers_.next++);
    return request_;
  }

  Answer answer(std::string_view in) override {
    std::uint32_t got = 0;
    const auto bytes = read_frame(in, got);
    const bool good = got == kAck;
    return {bytes, good ? 1u : 0u, good};
  }

 private:
  static Result<void> expect(int fd, std::uint32_t wanted) {
    std::string in;
    std::uint32_t got = 0;
    while (read_frame(in, got) == 0) {
      if (auto received = receive_some(fd, in); !received) return received;
    }
    if (got == wanted) return ok();
    return Error{ErrorKind::kUnavailable, "amqp", "refused: " + in.substr(11, in.size() - 12)};
  }

  Numbers& numbers_;
  std::string queue_kind_, queue_, request_;
  std::size_t id_at_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> amqp_dialogue(const Sale& sale, Numbers& numbers, const std::string& queue_kind) {
  return std::make_unique<AmqpDialogue>(sale, numbers, queue_kind);
}

}  // namespace tillsync::bench
