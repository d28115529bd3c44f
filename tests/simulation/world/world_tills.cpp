// Tills.
#include <algorithm>

#include "tests/simulation/world/world_impl.h"

namespace tillsync::sim {
namespace {

constexpr Moment kTillPatience = seconds(5);  ///< for an answer

}  // namespace

void World::make(Till& till, std::uint64_t seed) {
  SeededRandom choice(seed);
  Recipe recipe;
  recipe.id = fmt::format("T{}-{:05}", till.number + 1, ++till.made);
  recipe.till = till.number;
  recipe.now = clock_.utc_now();
  if (!till.sales.empty()) recipe.sale = till.sales[choice.below(till.sales.size())];
  recipe.seed = seed;
  auto document = make_document(recipe);
  const auto checked = parse_document(document.body, store_);
  if (const auto* refusal = std::get_if<Refusal>(&checked))
    return checker_.violate("a good document was refused: " + refusal->detail + " " + document.body);
  const auto& parsed = std::get<Document>(checked);
  document.canonical = canonical_form(parsed);
  document.business_day = parsed.business_day.text();
  if (document.type == "sale") till.sales.push_back(document.id);
  checker_.posted(document);
  till.waiting.push_back(std::move(document));
  post_next(till);
}

void World::post_again(Till& till, std::uint64_t choice) {
  // None that a long retention may have forgotten: no till keeps its documents for that long.
  if (till.answered.empty()) return;
  const auto recent = std::min<std::size_t>(till.answered.size(), 20);
  const auto& document = till.answered[till.answered.size() - 1 - choice % recent];
  send(document, [this, id = document.id](const Result<PostAnswer>& answer) {
    if (answer && answer->kind == PostAnswer::Kind::kReused)
      checker_.violate("I3: " + id + " was refused as another document");
    if (answer) checker_.acknowledged(id, answer->sequence);
  });
}

void World::post_changed(Till& till, std::uint64_t choice) {
  if (till.answered.empty()) return;
  const auto recent = std::min<std::size_t>(till.answered.size(), 20);
  const auto document = make_changed(till.answered[till.answered.size() - 1 - choice % recent]);
  send(document, [this, id = document.id](const Result<PostAnswer>& answer) {
    if (answer && answer->kind != PostAnswer::Kind::kReused) checker_.accepted_changed(id);
  });
}

void World::forget_answer(Till& till) {
  if (till.answered.empty()) return;
  till.waiting.push_front(till.answered.back());
  till.answered.pop_back();
  ++till.post;  // what is under way comes to a till that has started anew
  till.posting = false;
  post_next(till);
}

void World::send(const SimDocument& document, std::function<void(const Result<PostAnswer>&)> done) {
  if (!process_ || awake_at_ > timeline_.now()) return;
  auto checked = parse_document(document.body, store_);
  auto* parsed = std::get_if<Document>(&checked);
  if (parsed == nullptr) return checker_.violate("a good document was refused: " + document.id);
  process_->post(make_post(*parsed, DocumentMeta{}), [this, done](Result<PostAnswer> answer) {
    // The connection to the till may break at any moment too.
    const bool lost = static_cast<std::int64_t>(random_.below(1'000'000)) < plan_.background_per_million;
    if (!lost) timeline_.after(std::chrono::microseconds(100), [done, answer] { done(answer); });
  });
}

void World::post_next(Till& till) {
  if (till.posting || till.waiting.empty() || till.away_until > timeline_.now()) return;
  till.posting = true;
  const auto post = ++till.post;
  const int number = till.number;
  trace([&] { return "till posts " + till.waiting.front().id; });
  timeline_.after(kTillPatience, [this, number, post] {
    auto& slow = this->till(number);
    if (slow.post == post && std::exchange(slow.posting, false)) retry_later(slow);
  });
  send(till.waiting.front(), [this, number, post](const Result<PostAnswer>& answer) {
    answered(this->till(number), post, answer);
  });
}

void World::answered(Till& till, std::uint64_t post, const Result<PostAnswer>& answer) {
  if (till.post != post || !till.posting) return;
  till.posting = false;
  if (!answer) {
    ++statistics_.refused_posts;
    trace([&] { return "till is refused: " + answer.error().code + " " + answer.error().detail; });
    return retry_later(till);
  }
  const auto id = till.waiting.front().id;
  trace([&] { return fmt::format("till is answered {} for {}", answer->sequence.value, id); });
  if (answer->kind == PostAnswer::Kind::kReused)
    return checker_.violate("I3: " + id + " was refused as another document");
  checker_.acknowledged(id, answer->sequence);
  till.answered.push_back(std::move(till.waiting.front()));
  till.waiting.pop_front();
  post_next(till);
}

void World::retry_later(Till& till) {
  timeline_.after(milliseconds(200 + random_.below(8'000)),
                  [this, number = till.number] { post_next(this->till(number)); });
}

}  // namespace tillsync::sim
