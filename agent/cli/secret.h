// The command `secret`. Beside commands.h, because few need it.
#pragma once

namespace CLI {
class App;
}

namespace tillsync::cli {

struct Context;
void add_secret(CLI::App& app, Context& context);

}  // namespace tillsync::cli
