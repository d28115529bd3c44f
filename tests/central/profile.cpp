// POST /documents and /documents/batch, and the faults around every request.
#include <fmt/format.h>

#include "tests/central/central.h"

namespace tillsync::central {
namespace {

constexpr std::size_t kBatchItemsMax = 1000;

ServerResponse dropped() {
  ServerResponse response;
  response.connection = ServerResponse::Connection::kDrop;
  return response;
}

ServerResponse later(unsigned status, std::string_view name, std::string_view title,
                     std::int64_t retry_after_s) {
  ServerResponse response = problem_response(status, name, title, "try again later");
  response.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return response;
}

ServerResponse bad_post(const std::string& detail) {
  return problem_response(400, "malformed", "Malformed request", detail);
}

/// Checks the wrapper of CONTRACT section 6; the document inside is the store's business.
Result<Post> post_from(const json::Value& value, std::string key) {
  const auto invalid = [](std::string detail) {
    return Error{ErrorKind::kInvalid, "malformed", std::move(detail)};
  };
  if (value.as_object() == nullptr)
    return invalid("a JSON object is expected, not " + std::string(value.kind_name()));
  for (const char* name : {"reference", "step", "store"}) {
    if (value.text_of(name).empty()) return invalid(fmt::format("/{}: a text is required", name));
  }
  const json::Value* document = value.find("document");
  if (document == nullptr || document->as_object() == nullptr)
    return invalid("/document: an object is required");
  for (const char* name : {"id", "type", "business_day", "currency"}) {
    if (document->text_of(name).empty())
      return invalid(fmt::format("/document/{}: a text is required", name));
  }
  Post post;
  post.sequence = value.integer_of("sequence", -1);
  if (post.sequence < 1) return invalid("/sequence: a positive integer is required");
  if (key.empty()) return invalid("an Idempotency-Key is required");
  post.key = std::move(key);
  post.reference = value.text_of("reference");
  post.step = value.text_of("step");
  post.store = value.text_of("store");
  post.document = *document;
  return post;
}

bool has_sku(const json::Value& document, const std::set<std::string>& skus) {
  const json::Value* lines = document.find("lines");
  if (skus.empty() || lines == nullptr || lines->as_array() == nullptr) return false;
  for (const json::Value& line : *lines->as_array()) {
    if (skus.contains(std::string(line.text_of("sku")))) return true;
  }
  return false;
}

}  // namespace

Central::Central(EventLoop& loop, Ledger ledger, std::string token)
    : loop_(loop), ledger_(std::move(ledger)), token_(std::move(token)) {}

Central::Target& Central::target(const std::string& name) {
  auto& slot = targets_[name];
  if (!slot) {
    slot = std::make_unique<Target>();
    slot->name = name;
  }
  return *slot;
}

void Central::handle(ServerRequest request, Responder respond) {
  auto path = request.segments();
  if (path.empty()) return respond(text_response(200, "the stand-in central\n"));
  if (path[0] == "control") return respond(control(request, path));
  Target& to = target(path[0]);
  path.erase(path.begin());
  begin(Call{std::move(request), std::move(path), &to, std::move(respond)});
}

/// What happens before the delay: a dead central does not wait.
void Central::begin(Call call) {
  Target& to = *call.target;
  ++to.counters["requests"];
  const Faults& faults = to.faults;
  if (faults.delay.count() == 0 || faults.outage != Faults::Outage::kNone) return proceed(call);
  auto delay = faults.delay;
  if (faults.delay_jitter)
    delay = std::chrono::milliseconds(to.random.below(static_cast<std::uint64_t>(delay.count()) + 1));
  const std::string key(call.request.header("idempotency-key"));
  if (!key.empty() && !to.in_flight.insert(key).second) {
    ++to.counters["in_progress"];
    return call.respond(later(409, "in-progress", "The same post is being processed", faults.retry_after_s));
  }
  loop_.call_after(delay, [this, key, held = std::move(call)] {
    held.target->in_flight.erase(key);
    proceed(held);
  });
}

void Central::proceed(const Call& call) {
  if (auto fault = fault_before(call)) return call.respond(std::move(*fault));
  call.respond(fault_after(call, answer(call)));
}

bool Central::authorized(const Call& call) {
  const Faults& faults = call.target->faults;
  if (faults.expired_credentials) return false;
  const std::string& wanted = faults.accept_token ? *faults.accept_token : token_;
  return wanted.empty() || call.request.header("authorization") == "Bearer " + wanted;
}

/// A fault that strikes before anything is committed.
std::optional<ServerResponse> Central::fault_before(const Call& call) {
  Target& to = *call.target;
  const Faults& faults = to.faults;
  const auto counted = [&](const char* name, ServerResponse response) {
    ++to.counters[name];
    return response;
  };
  if (faults.outage == Faults::Outage::kDrop) return counted("dropped_in_outage", dropped());
  if (faults.outage == Faults::Outage::kAnswer503) {
    return counted("status_503", later(503, "unavailable", "Service unavailable", faults.retry_after_s));
  }
  if (!authorized(call)) {
    ServerResponse response =
        problem_response(401, "unauthorized", "Unauthorized", "the bearer token is missing or not accepted");
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return counted("status_401", std::move(response));
  }
  if (call.request.method != "POST" && !faults.on_get) return std::nullopt;
  if (strikes(faults.status_503, to.random)) {
    return counted("status_503", later(503, "unavailable", "Service unavailable", faults.retry_after_s));
  }
  if (strikes(faults.status_429, to.random)) {
    return counted("status_429", later(429, "too-many-requests", "Too many requests", faults.retry_after_s));
  }
  if (strikes(faults.status_500_before, to.random)) {
    return counted("status_500_before",
                   problem_response(500, "internal", "Internal error", "something broke"));
  }
  if (strikes(faults.reply_lost_before_commit, to.random))
    return counted("reply_lost_before_commit", dropped());
  if (call.request.method == "POST" && strikes(faults.in_progress, to.random)) {
    return counted("in_progress",
                   later(409, "in-progress", "The same post is being processed", faults.retry_after_s));
  }
  return std::nullopt;
}

/// A fault that strikes after the commit, on the way back.
ServerResponse Central::fault_after(const Call& call, ServerResponse answer) {
  Target& to = *call.target;
  if (call.request.method != "POST" && !to.faults.on_get) return answer;
  if (strikes(to.faults.status_500_after, to.random)) {
    ++to.counters["status_500_after"];
    return problem_response(500, "internal", "Internal error", "something broke");
  }
  if (strikes(to.faults.reply_lost_after_commit, to.random)) {
    ++to.counters["reply_lost_after_commit"];
    return dropped();
  }
  return answer;
}

ServerResponse Central::answer(const Call& call) {
  const auto& path = call.path;
  const std::string& method = call.request.method;
  if (path == std::vector<std::string>{"documents"} && method == "POST") return post_document(call);
  if (path == std::vector<std::string>{"documents", "batch"} && method == "POST") return post_batch(call);
  if (method == "GET" && !path.empty()) {
    if (path[0] != "documents") return view(call);
    ServerResponse response = documents(call);
    count_read_back(call, response);
    return response;
  }
  return problem_response(404, "not-found", "Not found",
                          "the profile has no " + method + " " + call.request.path);
}

/// Bytes sent are bodies alone; those received are heads, since a GET has nothing else.
void Central::count_read_back(const Call& call, const ServerResponse& response) {
  auto& counters = call.target->counters;
  const ServerRequest& request = call.request;
  ++counters["read_back_requests"];
  if (call.path.size() > 1) ++counters["digest_requests"];
  std::size_t bytes = request.method.size() + request.path.size() + request.query.size() + 14;
  for (const auto& [name, value] : request.headers) bytes += name.size() + value.size() + 4;
  counters["read_back_bytes_received"] += static_cast<std::int64_t>(bytes);
  counters["read_back_bytes_sent"] += static_cast<std::int64_t>(response.body.size());
}

ServerResponse Central::post_document(const Call& call) {
  const auto body = json::parse(call.request.body);
  if (!body) return bad_post(body.error().detail);
  const auto post = post_from(*body, std::string(call.request.header("idempotency-key")));
  if (!post) return bad_post(post.error().detail);
  Target& to = *call.target;
  ++to.counters["posts"];
  to.shifts.reset();
  if (auto refused = refusal(to, *post)) return std::move(*refused);
  return taken(to, ledger_.take(to.name, {*post}, to.faults.forget_keys_after_s).front());
}

ServerResponse Central::post_batch(const Call& call) {
  const auto body = json::parse(call.request.body);
  if (!body) return bad_post(body.error().detail);
  if (body->as_array() == nullptr) return bad_post("a JSON array is expected");
  const json::Array& items = *body->as_array();
  if (items.size() > kBatchItemsMax) {
    return problem_response(413, "too-large", "Too large",
                            fmt::format("a batch has at most {} items", kBatchItemsMax));
  }
  Target& to = *call.target;
  to.shifts.reset();
  std::vector<std::optional<ServerResponse>> refused;
  std::vector<Post> posts;
  for (const json::Value& item : items) {
    auto post = post_from(item, std::string(item.text_of("idempotency_key")));
    ++to.counters["posts"];
    refused.push_back(post ? refusal(to, *post) : bad_post(post.error().detail));
    if (!refused.back()) posts.push_back(std::move(*post));
  }
  const auto results = ledger_.take(to.name, posts, to.faults.forget_keys_after_s);
  std::string out = "[";
  std::size_t next = 0;
  for (auto& refusal_of_item : refused) {
    const ServerResponse one = refusal_of_item ? std::move(*refusal_of_item) : taken(to, results[next++]);
    if (out.size() > 1) out += ',';
    if (one.status < 300) {  // {"central_reference":...} becomes {"status":N,"central_reference":...}
      out += fmt::format("{{\"status\":{},{}", one.status, one.body.substr(1));
    } else {
      out += fmt::format("{{\"status\":{},\"problem\":{}}}", one.status, one.body);
    }
  }
  ServerResponse response;
  response.body = out + "]";
  return response;
}

/// A business answer: what no retry changes.
std::optional<ServerResponse> Central::refusal(Target& to, const Post& post) {
  const std::string id(post.document.text_of("id"));
  if (!to.faults.poison.contains(id) && !has_sku(post.document, to.faults.poison_skus)) return std::nullopt;
  ++to.counters["rejected"];
  return problem_response(422, "unknown-sku", "Unknown SKU",
                          "document " + id + " names a SKU that central does not know");
}

ServerResponse Central::taken(Target& to, const Taken& taken) {
  if (taken.how == Taken::How::kKeyReused) {
    ++to.counters["key_reused"];
    return problem_response(422, "key-reused", "Idempotency key reused",
                            "the key is known with another document");
  }
  ++to.counters[taken.how == Taken::How::kNew ? "new" : "known"];
  return json_response(taken.how == Taken::How::kNew ? 201 : 200,
                       json::Object{{"central_reference", central_reference(to.name, taken.effect)}});
}

}  // namespace tillsync::central
