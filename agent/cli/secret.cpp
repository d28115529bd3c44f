#include "agent/cli/secret.h"

#include <cstdio>
#include <fstream>
#include <memory>

#include "agent/cli/commands.h"
#include "platform/service/sealed_secret.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kSecretBytesMax = 32 * 1024;

Exit seal(const std::string& file) {
  std::string secret(kSecretBytesMax + 1, '\0');
  secret.resize(std::fread(secret.data(), 1, secret.size(), stdin));
  if (secret.size() > kSecretBytesMax) return fail(Exit::kUsage, "the secret is larger than 32 KiB");
  if (secret.empty()) return fail(Exit::kUsage, "no secret came; write it to standard input");
  const auto sealed = seal_secret(secret);
  if (!sealed) return fail(Exit::kUsage, sealed.error().detail);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << *sealed;
  if (!out.flush())
    return fail(Exit::kStorage, file + " cannot be written; check the path and the rights on it");
  print("Sealed. In the settings write \"dpapi:" + file + "\", and remove the plain copy.\n");
  return Exit::kDone;
}

}  // namespace

void add_secret(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("secret", "seals secrets for the settings (Windows)");
  group->require_subcommand(1);
  CLI::App* command = add_command(
      *group, context,
      {"seal",
       "reads a secret from standard input and writes it so that only this machine can open it (DPAPI)",
       "  tillsync secret seal --out C:\\ProgramData\\tillsync\\erp.sealed < erp.token\n",
       "0 sealed; 2 usage, or a system that cannot seal; 4 the file cannot be written"});
  auto file = std::make_shared<std::string>();
  command->add_option("--out", *file, "the file to write")->required();
  command->callback([&context, file] { context.exit = seal(*file); });
}

}  // namespace tillsync::cli
