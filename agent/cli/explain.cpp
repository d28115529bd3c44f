#include <algorithm>
#include <iterator>
#include <memory>

#include "agent/cli/commands.h"
#include "agent/views/document_view.h"
#include "platform/log/printable.h"

namespace tillsync::cli {
namespace {

constexpr std::string_view kAlreadyTold[] = {"at", "sequence", "event"};

std::string delivery_line(const json::Value& delivery) {
  std::string line = "  to " + shown(delivery, "target");
  if (delivery.text_of("step") != delivery.text_of("target"))
    line += " (step " + shown(delivery, "step") + ")";
  line += ": " + shown(delivery, "state") + " after " + shown(delivery, "attempts") + " attempt(s)";
  if (!delivery.text_of("central_reference").empty())
    line += ", central calls it " + shown(delivery, "central_reference");
  if (!delivery.text_of("last_error").empty()) line += ", " + shown(delivery, "last_error");
  return line + "\n";
}

std::string event_line(const json::Value& event) {
  std::string line =
      "  " + shown(event, "at") + "  #" + shown(event, "sequence") + " " + shown(event, "event");
  for (const auto& [name, value] : *event.as_object()) {
    const bool told =
        std::find(std::begin(kAlreadyTold), std::end(kAlreadyTold), name) != std::end(kAlreadyTold);
    if (!told && name != "document") line += "  " + name + "=" + shown(&value);
  }
  return line + "\n";
}

// Reads the journal itself: the story can be told while the daemon is down.
Exit explain(const Context& context, const std::string& id) {
  auto settings = read_settings(context);
  if (!settings) return fail(settings.error());
  auto reader = JournalReader::open(settings->journal.path);
  if (!reader) return fail(journal_unreadable(reader.error()));
  auto story = document_story(**reader, id);
  if (!story) return fail(journal_unreadable(story.error()));
  if (!*story)
    return fail(Exit::kNo,
                "no document with the id \"" + id + "\" was posted here; check the till's receipt");
  const auto& value = **story;
  if (context.json) {
    print(json::dump(value) + "\n");
    return Exit::kDone;
  }
  std::string text = printable(id) + ": " + shown(value, "type") + ", sequence " + shown(value, "sequence") +
                     ", " + shown(value, "status") + "\n";
  for (const auto& delivery : *value.find("deliveries")->as_array()) text += delivery_line(delivery);
  text += "what happened:\n";
  for (const auto& event : *value.find("events")->as_array()) text += event_line(event);
  print(text);
  return Exit::kDone;
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  CLI::App* command = add_command(
      app, context,
      {"explain",
       "tells the whole story of one document: received, every attempt, what the target said, each decision",
       "  tillsync explain T3-000123\n  tillsync explain T3-000123 --json\n",
       "0 told; 1 there is no such document; 2 usage or settings; 4 the journal cannot be read"},
      JsonOption::kOffered);
  auto id = std::make_shared<std::string>();
  command->add_option("ID", *id, "the document's id")->required();
  command->callback([&context, id] { context.exit = explain(context, *id); });
}

}  // namespace tillsync::cli
