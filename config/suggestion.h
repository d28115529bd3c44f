// "Did you mean ...?" for keys, names and commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tillsync {

/// The candidate nearest to `word` by edit distance (a swap of neighbours counts once), or "" where none is
/// near: at most a third of the word's letters, at least one, may differ.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

/// `; did you mean "WORD"?` or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tillsync
