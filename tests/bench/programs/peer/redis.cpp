#include "tests/bench/programs/peer/dialogues.h"

namespace tillsync::bench {
namespace {

class RedisDialogue final : public Dialogue {
 public:
  RedisDialogue(const Sale& sale, Numbers& numbers) : numbers_(numbers) {
    request_ = "*3\r\n$3\r\nSET\r\n$" + std::to_string(Sale::kIdBytes) + "\r\n";
    key_at_ = request_.size();
    request_ += std::string(Sale::kIdBytes, ' ') + "\r\n$" + std::to_string(sale.text().size()) + "\r\n";
    id_at_ = request_.size() + sale.id_at();
    request_ += std::string(sale.text()) + "\r\n";
  }

  std::string_view request() override {
    Sale::write_id(request_.data() + key_at_, numbers_.run, numbers_.next);
    Sale::write_id(request_.data() + id_at_, numbers_.run, numbers_.next++);
    return request_;
  }

  Answer answer(std::string_view in) override {
    const auto end = in.find("\r\n");
    if (end == std::string_view::npos) return {};
    const bool good = in.substr(0, end) == "+OK";
    return {end + 2, good ? 1u : 0u, good};
  }

 private:
  Numbers& numbers_;
  std::string request_;
  std::size_t key_at_ = 0, id_at_ = 0;
};

}  // namespace

std::unique_ptr<Dialogue> redis_dialogue(const Sale& sale, Numbers& numbers) {
  return std::make_unique<RedisDialogue>(sale, numbers);
}

}  // namespace tillsync::bench
