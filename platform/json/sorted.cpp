#include "platform/json/sorted.h"

#include <algorithm>
#include <vector>

namespace tillsync::json {
namespace {

constexpr int kDepthMax = 64;

class Sorter {
 public:
  explicit Sorter(std::string_view text) : text_(text) { out_.reserve(text.size()); }

  std::optional<std::string> all() {
    if (!value(0) || at_ != text_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  struct Member {
    std::string_view name;
    std::size_t begin, size;  ///< of `"name":value`, into out_
  };

  bool value(int depth) {
    if (at_ == text_.size() || depth == kDepthMax) return false;
    switch (text_[at_]) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string().has_value();
      default:
        return plain();
    }
  }

  /// A number or a literal.
  bool plain() {
    const std::size_t end = std::min(text_.find_first_of(",]}", at_), text_.size());
    if (end == at_) return false;
    out_.append(text_, at_, end - at_);
    at_ = end;
    return true;
  }

  /// The text between the quotes, with its escapes.
  std::optional<std::string_view> string() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return std::nullopt;
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    out_.append(text_, at_, end + 1 - at_);
    at_ = end + 1;
    return inside;
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    out_ += c;
    return true;
  }

  bool array(int depth) {
    take('[');
    if (take(']')) return true;
    do {
      if (!value(depth + 1)) return false;
    } while (take(','));
    return take(']');
  }

  bool object(int depth) {
    take('{');
    if (take('}')) return true;
    const std::size_t own = members_.size();
    do {
      const std::size_t begin = out_.size();
      if (at_ == text_.size() || text_[at_] != '"') return false;
      const auto name = string();
      if (!name || name->find('\\') != std::string_view::npos) return false;
      if (!take(':') || !value(depth + 1)) return false;
      members_.push_back({*name, begin, out_.size() - begin});
    } while (take(','));
    put_in_order(own);
    members_.resize(own);
    return take('}');
  }

  /// The members from `own` on stand at the end of out_, one comma between each two.
  void put_in_order(std::size_t own) {
    const auto by_name = [](const Member& a, const Member& b) { return a.name < b.name; };
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(own);
    if (std::is_sorted(first, members_.end(), by_name)) return;
    const std::size_t begin = first->begin;
    std::sort(first, members_.end(), by_name);
    scratch_.clear();
    for (auto member = first; member != members_.end(); ++member) {
      if (member != first) scratch_ += ',';
      scratch_.append(out_, member->begin, member->size);
    }
    out_.replace(begin, std::string::npos, scratch_);
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string out_, scratch_;
  std::vector<Member> members_;  ///< of the objects that are open, outermost first
};

}  // namespace

std::optional<std::string> sorted_members(std::string_view text) {
  return Sorter(text).all();
}

}  // namespace tillsync::json
