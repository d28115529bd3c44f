// The child's side, and the only place where libjq is used: see DESIGN.md.
extern "C" {
#include <jq.h>
#include <jv.h>
}

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "platform/jq/mapper.h"
#include "platform/jq/protocol.h"
#include "platform/log/printable.h"
#include "platform/service/confinement.h"
#include "platform/service/memory.h"
#include "platform/service/this_thread.h"

namespace tillsync::jq {
namespace {

using protocol::Kind;

/// The compiled programs that are kept; what was used longest ago goes first.
constexpr std::size_t kProgramsMax = 256;
/// After a request that is larger its memory is given back at once.
constexpr std::size_t kLargeBytes = 1024 * 1024;

Error invalid(const char* code, std::string_view detail) {
  return {ErrorKind::kInvalid, code, valid_utf8(detail, protocol::kErrorBytesMax)};
}

/// Owns a value of libjq. Its functions free what they are given, but for those that only look at it.
class Value {
 public:
  explicit Value(jv value) : value_(value) {}
  ~Value() { jv_free(value_); }
  Value(Value&& other) noexcept : value_(std::exchange(other.value_, jv_invalid())) {}
  Value& operator=(Value&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  jv release() { return std::exchange(value_, jv_invalid()); }
  bool is_valid() const { return jv_get_kind(value_) != JV_KIND_INVALID; }
  /// Only of one that is not valid: what went wrong, where it is a failure and no mere end.
  bool has_message() const { return jv_invalid_has_msg(jv_copy(value_)) != 0; }
  Value message() const { return Value(jv_invalid_get_msg(jv_copy(value_))); }
  Value json() const { return Value(jv_dump_string(jv_copy(value_), 0)); }
  /// Of a string, as long as this lives.
  std::string_view text() const {
    return {jv_string_value(value_), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value_)))};
  }
  /// A string's own text, or JSON of any other value.
  std::string words() const {
    return std::string(jv_get_kind(value_) == JV_KIND_STRING ? text() : json().text());
  }

 private:
  jv value_;
};

Result<Value> parse(std::string_view text) {
  // Not jv_parse_sized(): its messages hold the whole text.
  const std::unique_ptr<jv_parser, decltype(&jv_parser_free)> parser(jv_parser_new(0), &jv_parser_free);
  jv_parser_set_buf(parser.get(), text.data(), static_cast<int>(text.size()), 0);
  Value value(jv_parser_next(parser.get()));
  if (!value.is_valid()) {
    return invalid("jq-input", value.has_message() ? "the input is no JSON: " + value.message().words()
                                                   : "the input is empty");
  }
  const Value more(jv_parser_next(parser.get()));
  if (more.is_valid()) return invalid("jq-input", "the input is more than one JSON text");
  if (more.has_message()) return invalid("jq-input", "the input is no JSON: " + more.message().words());
  return value;
}

void ignore_message(void*, jv message) {
  jv_free(message);
}

jv no_more_inputs(jq_state*, void*) {
  return jv_invalid();
}

void keep_first_message(void* kept, jv message) {
  auto& first = *static_cast<std::optional<std::string>*>(kept);
  const Value formatted(jq_format_error(message));
  if (!first) first = formatted.words();
}

/// libjq's "jq: error: WHAT at <top-level>, line N:" and that line, as "line N: WHAT".
std::string tidy(std::string_view message) {
  constexpr std::string_view kPrefix = "jq: error: ", kPlace = " at <top-level>, line ",
                             kNotHere = " (Unix shell quoting issues?)";
  if (message.starts_with(kPrefix)) message.remove_prefix(kPrefix.size());
  const auto place = message.find(kPlace);
  std::string_view what = message.substr(0, place);
  if (place == std::string_view::npos) return std::string(what.substr(0, what.find('\n')));
  const std::string_view number = message.substr(place + kPlace.size());
  if (what.ends_with(kNotHere)) what.remove_suffix(kNotHere.size());
  return "line " + std::string(number.substr(0, number.find_first_not_of("0123456789"))) + ": " +
         std::string(what);
}

/// The word with which a program would take in a file; jq takes these at a program's start only. "" where
/// there is none. For a better message than "Too many open files", which is what keeps files closed
/// (confine_this_process()).
std::string_view word_for_files(std::string_view program) {
  while (!program.empty()) {
    program.remove_prefix(std::min(program.find_first_not_of(" \t\r\n"), program.size()));
    if (!program.starts_with('#')) break;
    program.remove_prefix(std::min(program.find('\n'), program.size()));
  }
  const auto word = program.substr(0, program.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
  return word == "import" || word == "include" || word == "module" ? word : std::string_view();
}

/// A compiled program.
class Program {
 public:
  static Result<std::unique_ptr<Program>> compile(const std::string& text);
  ~Program() { jq_teardown(&state_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Its one output.
  Result<Value> run(Value input) {
    jq_start(state_, input.release(), 0);
    auto output = one_output();
    if (!has_halted()) jq_start(state_, jv_null(), 0);  // lets go of all that the run held
    return output;
  }
  /// Then it must not run again: libjq 1.6 keeps a halted program's message after it has freed it, and with
  /// each further run frees it once more.
  bool has_halted() const { return jq_halted(state_) != 0; }

 private:
  Program() : state_(jq_init()) {
    // A program may ask for all of these; one that is not set would end the process.
    for (const char* origin : {"JQ_ORIGIN", "PROGRAM_ORIGIN"})
      jq_set_attr(state_, jv_string(origin), jv_string("/"));
    jq_set_attr(state_, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_input_cb(state_, no_more_inputs, nullptr);
    jq_set_debug_cb(state_, ignore_message, nullptr);
  }

  Result<Value> one_output() {
    Value first(jq_next(state_));
    if (!first.is_valid()) return failure(first, "it has no output; it must have one");
    const Value second(jq_next(state_));
    if (second.is_valid()) return invalid("jq-failed", "it has more than one output; it must have one");
    if (second.has_message() || has_halted()) return failure(second, "");
    return first;
  }

  Error failure(const Value& end, std::string_view otherwise) const {
    if (has_halted()) {
      const Value said(jq_get_error_message(state_));
      return invalid("jq-failed", said.is_valid() ? "it halted: " + said.words() : "it halted");
    }
    return invalid("jq-failed", end.has_message() ? end.message().words() : std::string(otherwise));
  }

  jq_state* state_;
};

Result<std::unique_ptr<Program>> Program::compile(const std::string& text) {
  if (text.find('\0') != std::string::npos) return invalid("jq-program", "it holds a NUL character");
  if (const auto word = word_for_files(text); !word.empty()) {
    return invalid("jq-program", "it begins with " + std::string(word) +
                                     "; a program is one text here and can take in no file");
  }
  std::unique_ptr<Program> program(new Program);
  std::optional<std::string> fault;
  jq_set_error_cb(program->state_, keep_first_message, &fault);
  const bool compiled = jq_compile(program->state_, text.c_str()) != 0;
  jq_set_error_cb(program->state_, ignore_message, nullptr);
  if (!compiled) return invalid("jq-program", fault ? tidy(*fault) : "it does not compile");
  return program;
}

/// Compiled programs by their text: compiling takes a thousand times as long as a small run.
class Programs {
 public:
  /// Valid until the next call.
  Result<Program*> compiled(std::string_view text) {
    if (const auto found = by_text_.find(text); found != by_text_.end()) {
      by_use_.splice(by_use_.begin(), by_use_, found->second);
      return by_use_.front().program.get();
    }
    std::string owned(text);
    auto program = Program::compile(owned);
    if (!program) return program.error();
    if (by_use_.size() >= kProgramsMax) {
      by_text_.erase(by_use_.back().text);
      by_use_.pop_back();
    }
    by_use_.push_front({std::move(owned), std::move(*program)});
    by_text_.emplace(by_use_.front().text, by_use_.begin());
    return by_use_.front().program.get();
  }
  void forget_last_used() {
    by_text_.erase(by_use_.front().text);
    by_use_.pop_front();
  }

 private:
  struct Entry {
    std::string text;
    std::unique_ptr<Program> program;
  };
  std::list<Entry> by_use_;  ///< the one used last first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_text_;
};

/// In place of what is nested deeper than it shows (256 levels) libjq writes words in <>, which are no JSON
/// and differ by version.
bool is_cut(std::string_view json) {
  if (json.find('<') == std::string_view::npos) return false;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (in_text && json[i] == '\\') {
      ++i;
    } else if (json[i] == '"') {
      in_text = !in_text;
    } else if (!in_text && json[i] == '<') {
      return true;
    }
  }
  return false;
}

bool receive(void* into, std::size_t bytes) {
  return bytes == 0 || std::fread(into, 1, bytes, stdin) == bytes;
}

/// Nothing at the end of what is sent.
std::optional<Kind> receive(std::string& body) {
  protocol::HeaderBytes bytes{};
  if (!receive(bytes.data(), bytes.size())) return std::nullopt;
  const auto header = protocol::header_of(bytes);
  if (header.body_bytes > protocol::kBodyBytesMax) return std::nullopt;
  body.resize(header.body_bytes);
  if (!receive(body.data(), body.size())) return std::nullopt;
  return header.kind;
}

bool send(Kind kind, std::string_view body) {
  const auto header = protocol::header_bytes(kind, body.size());
  return std::fwrite(header.data(), 1, header.size(), stdout) == header.size() &&
         std::fwrite(body.data(), 1, body.size(), stdout) == body.size() && std::fflush(stdout) == 0;
}

bool send(const Error& error) {
  return send(Kind::kError, error.code + "\n" + error.detail);
}

class Worker {
 public:
  explicit Worker(std::size_t output_bytes) : output_bytes_(output_bytes) {}

  /// False where it cannot go on.
  bool serve(Kind kind, std::string_view body) {
    if (kind == Kind::kCheck) {
      const auto program = programs_.compiled(body);
      return program ? send(Kind::kOutput, "") : send(program.error());
    }
    std::uint32_t program_bytes = 0;
    if (kind != Kind::kRun || body.size() < sizeof program_bytes) return false;
    std::memcpy(&program_bytes, body.data(), sizeof program_bytes);
    body.remove_prefix(sizeof program_bytes);
    if (body.size() < program_bytes) return false;
    return run(body.substr(0, program_bytes), body.substr(program_bytes));
  }

 private:
  bool run(std::string_view text, std::string_view input) {
    const auto program = programs_.compiled(text);
    if (!program) return send(program.error());
    auto value = parse(input);
    if (!value) return send(value.error());
    const auto output = (*program)->run(std::move(*value));
    if ((*program)->has_halted()) programs_.forget_last_used();
    if (!output) return send(output.error());
    const Value json = output->json();
    const std::size_t size = json.text().size();
    if (size > output_bytes_) {
      return send(invalid("jq-too-large", "its output has " + std::to_string(size) + " bytes; " +
                                              std::to_string(output_bytes_) + " are allowed"));
    }
    if (is_cut(json.text())) return send(invalid("jq-too-large", "its output is nested too deep"));
    return send(Kind::kOutput, json.text());
  }

  const std::size_t output_bytes_;
  Programs programs_;
};

}  // namespace

int run_worker() {
  std::string body;
  protocol::WorkerLimits limits;
  if (receive(body) != Kind::kLimits || body.size() != sizeof limits) return 1;
  std::memcpy(&limits, body.data(), sizeof limits);
  name_this_thread("jq-worker");
  keep_heap_small();
  if (!confine_this_process(limits.memory_bytes) || !send(Kind::kReady, "")) return 1;
  Worker worker(std::min<std::uint64_t>(limits.output_bytes, protocol::kBodyBytesMax));
  while (const auto kind = receive(body)) {
    if (!worker.serve(*kind, body)) return 1;
    if (body.capacity() > kLargeBytes) {
      body = std::string();
      give_back_heap();
    }
  }
  return 0;
}

}  // namespace tillsync::jq
