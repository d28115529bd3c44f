#include "agent/till_api/post_batches.h"

#include <utility>

namespace tillsync {

void PostBatches::add(DocumentPost post, std::function<void(Result<PostAnswer>)> done) {
  bytes_ += post.encoded.size();
  posts_.push_back(std::move(post));
  done_.push_back(std::move(done));
  if (posts_.size() >= limits_.posts_max || bytes_ >= limits_.bytes_max) return hand_over();
  if (std::exchange(turn_ends_later_, true)) return;
  // Behind every request that can be read now: a till alone waits for nobody.
  loop_.post([this] {
    turn_ends_later_ = false;
    hand_over();
  });
}

void PostBatches::hand_over() {
  if (posts_.empty()) return;
  bytes_ = 0;
  auto done =
      std::make_shared<std::vector<std::function<void(Result<PostAnswer>)>>>(std::exchange(done_, {}));
  journal_.post(std::exchange(posts_, {}), [&loop = loop_, done](std::vector<Result<PostAnswer>> answers) {
    loop.post([done, answers = std::move(answers)] {
      for (std::size_t i = 0; i < answers.size(); ++i) (*done)[i](answers[i]);
    });
  });
}

}  // namespace tillsync
